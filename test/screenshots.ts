/** Takes the pictures of the demo in `docs/`: `npm run screenshots`. The same people write the same text each time. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findChromium, startBrowser } from './support/browser.js'
import { DemoWindow, demoUrl, type WindowOptions } from './support/demo-window.js'
import { type ServerProcess, startServer } from './support/server-process.js'
import { root } from './support/sources.js'

const TEXT = `# Kiln schedule, autumn

Two firings a week until the fair. Load on the evening before, so that the kiln can be lit before anybody is in.

## Tuesday
- Bisque, cone 06: the large bowls on the lower shelves
- Leave the spy hole open until 600 °C

## Friday
- Glaze, cone 6: whoever signs last also switches off

> The celadon ran last time. Keep it two fingers off the foot.
`

const DESK = { width: 1200, height: 780, scale: 2 } as const
const PHONE = { width: 390, height: 780, scale: 2 } as const

type Act = (window: DemoWindow) => Promise<void>

const asIs: Act = async () => {}

const writeOffline: Act = async window => {
  await window.press('#offline')
  await window.whenConnection('offline')
  await window.type('\nBring cones 5 and 7 as well.')
  await window.whenShown('Kept in this browser')
  // The bar above has grown.
  await window.type('')
}

const showWho: Act = async ({ page }) => {
  await page.click('#people')
  await page.waitForSelector('#were li', { visible: true })
}

const showPlans: Act = async ({ page }) => {
  await page.click('#plans-button')
  await page.waitForSelector('#plan-list li', { visible: true })
}

const plan = async ({ page }: DemoWindow, text: string, isBegun = false): Promise<void> => {
  await page.click('#plans-button')
  await page.type('#plan-text', text)
  await page.keyboard.press('Enter')
  if (isBegun) await page.click('#plan-list li:last-child [data-action=activate]')
  await page.keyboard.press('Escape')
}

const SHOTS: readonly (readonly [name: string, options: WindowOptions, act: Act])[] = [
  ['demo-light', DESK, asIs],
  ['demo-dark', { ...DESK, scheme: 'dark' }, asIs],
  ['demo-who', DESK, showWho],
  ['demo-plans', { ...DESK, scheme: 'dark' }, showPlans],
  ['demo-phone', PHONE, asIs],
  ['demo-phone-who', { ...PHONE, scheme: 'dark' }, showWho],
  ['demo-phone-offline', { ...PHONE, scheme: 'dark' }, writeOffline],
]

const folder = join(root, 'docs')

/** Somebody selects a few words, so that their name is seen with it. */
const pointAt = async ({ page }: DemoWindow, words: string): Promise<void> => {
  const at = TEXT.indexOf(words)
  await page.focus('.cm-content')
  await page.keyboard.down('Control')
  await page.keyboard.press('Home')
  await page.keyboard.up('Control')
  for (let step = 0; step < at + words.length; step++) await page.keyboard.press('ArrowRight')
  await page.keyboard.down('Shift')
  for (let step = 0; step < words.length; step++) await page.keyboard.press('ArrowLeft')
  await page.keyboard.up('Shift')
}

const takeAll = async (server: ServerProcess, path: string): Promise<void> => {
  const { browser, close } = await startBrowser(path)
  const open = async (name: string, options: WindowOptions): Promise<DemoWindow> =>
    DemoWindow.open(await browser.createBrowserContext(), await demoUrl(server, name), options)
  try {
    const barbara = await open('Barbara', {})
    await barbara.type(TEXT)
    await barbara.whenSaved('foot.')
    await plan(barbara, 'Mix the celadon anew, with less frit', true)
    const radia = await open('Radia', {})
    await radia.whenTextHas('foot.')
    await radia.close()
    const alan = await open('Alan', {})
    await alan.whenTextHas('foot.')
    await plan(alan, 'Order cones 5 and 7')
    for (const [name, options, act] of SHOTS) {
      const ada = await open('Ada', options)
      await ada.whenSaved('foot.')
      await pointAt(alan, 'before anybody')
      await pointAt(barbara, 'switches off')
      await ada.page.waitForFunction(() => document.querySelectorAll('.caret-name').length === 2)
      await ada.page.evaluate(() => document.fonts.ready.then(() => {}))
      await act(ada)
      await ada.page.screenshot({ path: join(folder, `${name}.png`) })
      await ada.close()
      console.log(`docs/${name}.png`)
    }
  } finally {
    await close()
  }
}

const found = await findChromium()
if (found.path === null) throw new Error(found.reason)
mkdirSync(folder, { recursive: true })
const server = await startServer({ command: 'start' })
try {
  await takeAll(server, found.path)
} finally {
  await server.dispose()
}
