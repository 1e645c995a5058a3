/** The demo in real windows: people who write together see each other and the same text. */
import { DemoBench, noBrowser } from '../support/demo-suite.js'
import { assert, suite } from '../support/suite.js'

const test = suite('demo: together')
const bench = new DemoBench(test)

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
  const people = await ada.page.$$eval('#people li', items => items.map(item => item.textContent))
  assert.equal(people, ['AAda (you)', 'BBarbara'])

  await barbara.close()
  await ada.page.waitForFunction(
    () => document.querySelector('.caret') === null && document.querySelectorAll('#people li').length === 1,
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
  const people = await barbara.page.$$eval('#people .name', names => names.map(name => name.textContent))
  assert.equal(people, ['Barbara (you)', 'Ada'])

  await tabs[0]?.close()
  await tabs[1]?.type('two are left')
  await barbara.whenTextHas('two are left')
  assert.is((await barbara.page.$$('#people li')).length, 2)
})

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
  await page.waitForFunction(() => document.querySelector('#people')?.textContent?.includes('Barbara (you)'))
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
