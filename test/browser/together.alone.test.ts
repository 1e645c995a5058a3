/** The demo in real windows: people who write together see each other and the same text. */
import { DemoBench, noBrowser } from '../support/demo-suite.js'
import type { DemoWindow } from '../support/demo-window.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('demo: together')
const bench = new DemoBench(test)

const faces = ({ page }: DemoWindow): Promise<(string | null)[]> =>
  page.$$eval('#faces .name', names => names.map(name => name.textContent))

declare global {
  interface Window {
    /** What long timers will do, by their numbers. */
    waiting: Map<number, () => void>
  }
}

/** Runs in the page. */
const watchTimers = (): void => {
  const { setTimeout: set, clearTimeout: clear } = window
  window.waiting = new Map()
  const watched = (task: () => void, delayMs = 0): number => {
    const run = (): void => {
      window.waiting.delete(id)
      task()
    }
    const id = set.call(window, run, delayMs) as unknown as number
    if (delayMs > 5_000) window.waiting.set(id, run)
    return id
  }
  const cleared = (id: number): void => {
    window.waiting.delete(id)
    clear.call(window, id)
  }
  Object.assign(window, { setTimeout: watched, clearTimeout: cleared })
}

/** What is said of each, without the face. */
const listed = ({ page }: DemoWindow, list: 'here' | 'were'): Promise<string[]> =>
  page.$$eval(`#${list} li`, items =>
    items.map(item => [...item.querySelectorAll('.name, .when')].map(part => part.textContent).join(' ')),
  )

const whenListed = (window: DemoWindow, list: 'here' | 'were', who: RegExp): Promise<unknown> =>
  until(`${who} is listed`, async () => (await listed(window, list)).some(text => who.test(text)))

test.skipIf(noBrowser, '[U1] two windows that write at the same time end with the same text', async () => {
  const space = 'demo/two'
  const [ada, barbara] = await Promise.all([bench.open({ space }), bench.open({ space, as: 'Barbara' })])
  await Promise.all([ada.whenSaved(), barbara.whenSaved()])

  await Promise.all([ada.type('one two three '), barbara.type('eins zwei drei ')])
  for (const { page } of [ada, barbara]) {
    await page.waitForFunction(() => window.textOfPage().length === 29, { polling: 'mutation' })
  }
  await Promise.all([ada.whenSaved(), barbara.whenSaved()])

  assert.is(await ada.text(), await barbara.text())
  assert.is([...(await ada.text())].sort().join(''), [...'one two three eins zwei drei '].sort().join(''))
})

test.skipIf(noBrowser, '[U2] the cursor of somebody else is where they are, under their name', async () => {
  const space = 'demo/cursors'
  const [ada, barbara] = await Promise.all([bench.open({ space }), bench.open({ space, as: 'Barbara' })])
  await ada.type('a line to stand in')
  await barbara.whenText('a line to stand in')

  await barbara.page.focus('.cm-content')
  await barbara.page.keyboard.down('Shift')
  for (let step = 0; step < 6; step++) await barbara.page.keyboard.press('ArrowRight')
  await barbara.page.keyboard.up('Shift')
  await ada.page.waitForFunction(() => document.querySelector('.selection')?.textContent === 'a line', {
    polling: 'mutation',
  })

  const name = await ada.page.$eval('.caret-name', label => {
    const { width, height, top } = label.getBoundingClientRect()
    return { text: label.textContent, isVisible: width > 10 && height > 5 && top > 0 }
  })
  assert.equal(name, { text: 'Barbara', isVisible: true })
  assert.equal(await faces(ada), ['Ada (you)', 'Barbara'])

  await barbara.close()
  await ada.page.waitForFunction(
    () =>
      document.querySelector('.caret') === null && document.querySelectorAll('#faces .person').length === 1,
    { polling: 'mutation' },
  )
})

test.skipIf(noBrowser, '[U3] three tabs of one person are one person, and have one text', async () => {
  const space = 'demo/tabs'
  const context = await bench.context()
  const tabs = [
    await bench.open({ space, context }),
    await bench.open({ space, context }),
    await bench.open({ space, context }),
  ]
  const barbara = await bench.open({ space, as: 'Barbara' })
  let text = ''
  for (const [index, tab] of tabs.entries()) {
    await tab.whenText(text)
    await tab.type(`from tab ${index}. `)
    text += `from tab ${index}. `
  }

  for (const window of [...tabs, barbara]) await window.whenText(text)
  for (const tab of tabs) await tab.whenSaved()
  assert.equal(await faces(barbara), ['Barbara (you)', 'Ada'])
  await whenListed(barbara, 'here', /^Ada.*3 windows$/)

  const since = (await listed(barbara, 'here'))[1]?.split(' · ')[0]
  await barbara.page.evaluate(() => {
    const look = (): void => {
      if (document.querySelectorAll('#faces .person').length < 2) document.body.dataset.lonely = ''
    }
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true })
  })
  await tabs[0]?.close()
  await tabs[1]?.close()
  await whenListed(barbara, 'here', /^Ada(?!.*windows)/)
  assert.is((await listed(barbara, 'here'))[1]?.split(' · ')[0], since)
  assert.equal(await listed(barbara, 'were'), [])
  assert.is(await barbara.page.evaluate(() => 'lonely' in document.body.dataset), false)
})

test.skipIf(noBrowser, '[U24] two windows say the same of who is here, since when, and who was', async () => {
  const space = 'demo/who'
  const [ada, barbara] = [await bench.open({ space }), await bench.open({ space, as: 'Barbara' })]
  const alan = await bench.open({ space, as: 'Alan' })
  const withoutMe = async (window: DemoWindow): Promise<string[]> =>
    (await listed(window, 'here')).map(text => text.replace(' (you)', '')).sort()
  for (const window of [ada, barbara]) await whenListed(window, 'here', /^Alan since .* · active now$/)
  assert.equal(await withoutMe(ada), await withoutMe(barbara))
  assert.equal((await listed(ada, 'here')).length, 3)

  await alan.close()
  for (const window of [ada, barbara]) await whenListed(window, 'were', /^Alan left just now$/)
  assert.equal((await listed(ada, 'here')).length, 2)

  await ada.press('#offline')
  await ada.page.waitForSelector('#people[data-live=false]')
  assert.match(await ada.page.$eval('#here-title', title => title.textContent ?? ''), /^Here at .*\d/)
  assert.is((await ada.page.$$('#who [data-here=true], #faces [data-here=true]')).length, 0)
  await whenListed(barbara, 'were', /^Ada left just now$/)
  await ada.press('#offline')
  await ada.page.waitForSelector('#people[data-live=true]')
  await whenListed(barbara, 'here', /^Ada since/)
})

test.skipIf(
  noBrowser,
  '[U25] one timer for all ages, while the list is open and at no other time',
  async () => {
    const ada = await bench.open({ space: 'demo/ages' })
    const { page } = ada
    await ada.whenSaved()
    await page.waitForSelector('#people[data-live=true]')
    await page.evaluate(watchTimers)
    const waiting = (): Promise<number> => page.evaluate(() => window.waiting.size)
    await page.click('#people')
    await page.waitForSelector('#here li', { visible: true })
    await until('the timer is set', async () => (await waiting()) === 1)
    await whenListed(ada, 'here', /^Ada .*active now$/)

    await page.evaluate(() => {
      const { now } = performance
      performance.now = () => now.call(performance) + 120_000
      for (const task of [...window.waiting.values()]) task()
    })
    await whenListed(ada, 'here', /^Ada .*active 2 min ago$/)
    assert.is(await waiting(), 1)

    await page.keyboard.press('Escape')
    await page.waitForSelector('#here li', { hidden: true })
    await until('no timer is left', async () => (await waiting()) === 0)
  },
)

test.skipIf(
  noBrowser,
  '[U26] what one means to do is on everybody’s board, and goes on from offline',
  async () => {
    const space = 'demo/plans'
    const [ada, barbara] = await Promise.all([bench.open({ space }), bench.open({ space, as: 'Barbara' })])
    const plans = ({ page }: DemoWindow): Promise<string[]> =>
      page.$$eval('#plan-list li', items =>
        items.map(item =>
          [...item.querySelectorAll('.name, .when')].map(part => part.textContent).join(' – '),
        ),
      )
    const whenPlans = (window: DemoWindow, expected: string[]): Promise<unknown> =>
      until(`the board shows ${expected}`, async () => `${await plans(window)}` === `${expected}`)
    await Promise.all([ada.whenSaved(), barbara.whenSaved()])
    await until('Ada is known', async () => (await faces(barbara)).includes('Ada'))

    await ada.page.click('#plans-button')
    await ada.page.type('#plan-text', 'Order clay')
    await ada.page.keyboard.press('Enter')
    await whenPlans(ada, ['Order clay – You · planned'])
    await whenPlans(barbara, ['Order clay – Ada · planned'])
    assert.is(await barbara.page.$eval('#plans-button', button => button.textContent), 'Plans: 1')

    await ada.press('#offline')
    await ada.whenConnection('offline')
    await ada.press('#plan-list [data-action=activate]')
    await whenPlans(ada, ['Order clay – You · doing it now'])
    await whenPlans(barbara, ['Order clay – Ada · planned'])
    await ada.press('#offline')
    await whenPlans(barbara, ['Order clay – Ada · doing it now'])

    await barbara.press('#plan-list [data-action=finish]')
    await whenPlans(ada, ['Order clay – You · done'])
    await ada.press('#role input[value=read]')
    await ada.page.waitForSelector('#plan-form[hidden]')
  },
)

test.skipIf(noBrowser, '[U4] whoever changes to reading cannot write any more, and back', async () => {
  const space = 'demo/roles'
  const ada = await bench.open({ space })
  await ada.type('mine. ')
  await ada.whenSaved('mine.')

  await ada.press('#role input[value=read]')
  await ada.page.waitForSelector('.cm-content[aria-readonly=true]')
  await ada.type('not mine. ')
  assert.is(await ada.text(), 'mine. ')
  assert.match(ada.page.url(), /role=read/)

  await ada.press('#role input[value=write]')
  await ada.page.waitForSelector('.cm-content[aria-readonly=false]')
  await ada.type('mine again.')
  await ada.whenSaved('mine. mine again.')
  const connections = (await ada.told()).map(({ connection }) => connection)
  const since = connections.slice(connections.indexOf('connected'))
  assert.equal([...new Set(since)], ['connected'])
})

test.skipIf(noBrowser, '[U5] the link for a second person opens a window for them', async () => {
  const space = 'demo/second'
  const ada = await bench.open({ space })
  await ada.type('hello')
  await ada.whenSaved('hello')
  const { href, text } = await ada.page.$eval('#second', link => ({
    href: (link as HTMLAnchorElement).href,
    text: link.textContent,
  }))

  assert.is(text, 'Open as Barbara')
  const context = await bench.context()
  const page = await context.newPage()
  await page.goto(href)
  await page.waitForFunction(() => document.querySelector('#faces')?.textContent?.includes('Barbara (you)'))
  await ada.whenShown('Barbara')
})

test.skipIf(
  noBrowser,
  '[U19] a token that was signed elsewhere opens the page, as whom and what it says',
  async () => {
    const token = await bench.server.token('Grace', 'team/notes')
    const page = await (await bench.context()).newPage()
    const requested: string[] = []
    page.on('request', request => requested.push(request.url()))
    await page.goto(`${bench.server.url}/#space=team/notes&token=${token}`)
    await page.waitForSelector('#save[data-save=saved]')

    const isHidden = (id: string): Promise<boolean> =>
      page.$eval(id, element => (element as HTMLElement).hidden === true)
    assert.equal([await isHidden('#second'), await isHidden('#role')], [true, true])
    assert.is(await page.$eval('#space', space => space.textContent), 'team/notes')
    const sent = requested.filter(url => !url.includes('#'))
    assert.equal(
      sent.filter(url => url.includes(token)),
      [],
    )
    assert.is(bench.server.log.filter(line => line.includes(token)).length, 0)
  },
)
