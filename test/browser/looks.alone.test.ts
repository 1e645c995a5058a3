/** The demo as a page: for every width, scheme and way of using it, and under its own strict policy. */
import axe, { type AxeResults } from 'axe-core'
import { DemoBench, noBrowser, type Visit } from '../support/demo-suite.js'
import type { DemoWindow } from '../support/demo-window.js'
import { assert, suite } from '../support/suite.js'

const test = suite('demo: looks')
const bench = new DemoBench(test)

const TEXT = '# A heading\n\nA text with a [link] and more.\n\n- an item\n> a quotation\n'

/** Two people, some text, and the cursor of the other in it. */
const openBusy = async (visit: Visit): Promise<DemoWindow> => {
  const window = await bench.open(visit)
  const other = await bench.open({ ...visit, as: 'Barbara' })
  if ((await window.text()) === '') await other.type(TEXT)
  else await other.type(' ')
  await window.page.waitForSelector('.caret-name')
  await window.whenSaved()
  return window
}

/** What matters to people who cannot use the page otherwise, as lines. */
const barriers = async ({ page }: DemoWindow): Promise<string[]> => {
  const isThere = await page.evaluate(() => 'axe' in window)
  if (!isThere) await page.evaluate(axe.source)
  const { violations } = await page.evaluate(
    () => (window as unknown as { axe: typeof axe }).axe.run() as Promise<AxeResults>,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const SCHEMES = ['light', 'dark'] as const

const inEachScheme = async ({ page }: DemoWindow, check: () => Promise<void>): Promise<void> => {
  for (const scheme of SCHEMES) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    // Colours on their way to the other scheme are in neither.
    await page.evaluate(async () => {
      const changes = document.getAnimations().filter(animation => animation instanceof CSSTransition)
      await Promise.all(changes.map(({ finished }) => finished))
    })
    await check()
  }
}

test.skipIf(noBrowser, '[U12] nothing bars anybody from the page, in light and dark', async () => {
  const window = await openBusy({ space: 'demo/axe' })
  await window.page.click('#people')
  await inEachScheme(window, async () => assert.equal(await barriers(window), []))
  await window.page.click('#plans-button')
  await window.page.type('#plan-text', 'a plan')
  await window.page.keyboard.press('Enter')
  await window.page.waitForSelector('#plan-list li')
  await inEachScheme(window, async () => assert.equal(await barriers(window), []))

  await window.press('#offline')
  await window.whenConnection('offline')
  await inEachScheme(window, async () => assert.equal(await barriers(window), []))
})

test.skipIf(noBrowser, '[U12] nor from a notice or a question', async () => {
  const window = await bench.open({
    space: 'demo/axe-notice',
    tokens: () => bench.server.token('Ada', 'elsewhere'),
  })
  await window.whenConnection('closed')
  await inEachScheme(window, async () => assert.equal(await barriers(window), []))

  await window.page.$eval('#sure', dialog => (dialog as HTMLDialogElement).showModal())
  await inEachScheme(window, async () => assert.equal(await barriers(window), []))
})

const WIDTHS = [320, 390, 768].flatMap(width => [[width, '#who'] as const, [width, '#plans'] as const])

test.skipIf(noBrowser, '[U13] the width of a phone is enough: nothing lies beside the screen', async () => {
  const window = await openBusy({ space: 'demo/width' })
  await window.type('averylongwordwithoutanyplacewhereitcouldbebroken')
  await window.page.click('#plans-button')
  await window.page.type('#plan-text', 'averylongplanwithoutanyplacewhereitcouldbebrokeneither')
  await window.page.keyboard.press('Enter')
  await window.page.waitForSelector('#plan-list li')
  for (const [width, panel] of WIDTHS) {
    await window.page.setViewport({ width, height: 700 })
    await window.page.$eval(panel, opened => (opened as HTMLElement).hidePopover())
    await window.page.$eval(panel, opened => (opened as HTMLElement).showPopover())

    const outside = await window.page.evaluate(() =>
      [...document.querySelectorAll('.top *, .desk *, .cm-line, .who:popover-open, .who:popover-open *')]
        .filter(element => !element.closest('[hidden], .unseen, .name'))
        .filter(element => {
          const { left, right } = element.getBoundingClientRect()
          return left < 0 || right > innerWidth
        })
        .map(element => element.outerHTML),
    )
    assert.equal(outside, [], `${width} pixels, ${panel}`)
    assert.is(await window.page.evaluate(() => document.documentElement.scrollWidth), width)
  }
})

/** The editor scrolls when it next paints. */
const whenInSight = ({ page }: DemoWindow): Promise<unknown> =>
  page.waitForFunction(() => {
    const { top, bottom } = getSelection()!.getRangeAt(0).getBoundingClientRect()
    const above = document.querySelector('.top')!.getBoundingClientRect()
    const below = document.querySelector('.desk')!.getBoundingClientRect()
    return top >= above.bottom && bottom <= below.top
  })

test.skipIf(noBrowser, '[U13] where one writes is never behind the bars', async () => {
  const window = await bench.open({ space: 'demo/long', width: 390, height: 500 })
  await window.whenSaved()
  await window.type(`${'a\n'.repeat(30)}the last`)
  await whenInSight(window)

  await window.page.keyboard.down('Control')
  await window.page.keyboard.press('Home')
  await window.page.keyboard.up('Control')
  await window.page.keyboard.press('ArrowRight')
  await whenInSight(window)
})

test.skipIf(noBrowser, '[U13] nor when the bars grow', async () => {
  const [width, height] = [390, 700]
  const window = await bench.open({ space: 'demo/growing', width, height })
  const { page } = window
  await window.whenSaved()
  await window.type('a\nb')
  await window.whenSaved('b')
  const gap = await page.evaluate(() => {
    const { bottom } = getSelection()!.getRangeAt(0).getBoundingClientRect()
    return document.querySelector('.desk')!.getBoundingClientRect().top - bottom
  })
  await page.setViewport({ width, height: Math.floor(height - gap) + 2 })
  await whenInSight(window)
  const barHeight = (): Promise<number> => page.$eval('.top', bar => (bar as HTMLElement).offsetHeight)
  const before = await barHeight()

  await window.press('#offline')
  await window.whenShown('No unsaved edits')
  assert.ok((await barHeight()) > before)
  await whenInSight(window)
})

test.skipIf(
  noBrowser,
  '[U14] the browser has nothing to complain of, under a policy without exceptions',
  async () => {
    const space = 'demo/quiet'
    const window = await openBusy({ space })
    const policy = (await fetch(bench.server.url)).headers.get('content-security-policy') ?? ''
    assert.match(policy, /^default-src 'none'; /)
    assert.not.match(policy, /unsafe|\*/)

    await window.press('#offline')
    await window.whenConnection('offline')
    await window.type('offline')
    await window.press('#offline')
    await window.whenSaved('offline')
    await window.press('#role input[value=read]')
    await window.page.waitForSelector('.cm-content[aria-readonly=true]')
    await window.page.reload()
    await window.whenSaved('offline')

    assert.equal(window.complaints, [])
    const families = await window.page.evaluate(() =>
      [...document.fonts].flatMap(f => (f.status === 'loaded' ? f.family : [])),
    )
    assert.equal([...new Set(families)].sort(), ['Inter', 'Source Serif 4'])
  },
)

test.skipIf(
  noBrowser,
  '[U15] everything can be reached and used by keyboard, and shows where one is',
  async () => {
    const window = await bench.open({ space: 'demo/keys' })
    await window.whenSaved()
    const { page } = window
    const reached: string[] = []
    for (let step = 0; step < 6; step++) {
      await page.keyboard.press('Tab')
      const { name, isMarked } = await page.evaluate(() => {
        const active = document.activeElement as HTMLElement
        const shown = active.matches('input') ? active.nextElementSibling : active
        const frame = active.closest('.paper') ?? shown
        const { outlineStyle } = getComputedStyle(frame as Element)
        const isMarked = outlineStyle !== 'none' || active.closest('.paper') !== null
        return {
          name: active.id || active.getAttribute('name') || active.className.split(' ')[0] || '',
          isMarked,
        }
      })
      reached.push(name)
      assert.ok(isMarked, name)
    }
    assert.equal(reached, ['people', 'cm-content', 'role', 'offline', 'plans-button', 'second'])

    await page.focus('#people')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#here li', { visible: true })
    await page.keyboard.press('Escape')
    await page.waitForSelector('#here li', { hidden: true })

    await page.focus('#offline')
    await page.keyboard.press('Space')
    await window.whenConnection('offline')
    await page.focus('#role input:checked')
    await page.keyboard.press('ArrowRight')
    await page.waitForSelector('.cm-content[aria-readonly=true]')
  },
)
