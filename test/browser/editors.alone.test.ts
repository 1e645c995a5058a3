/** The editors that the README connects, as it connects them: two people in two windows write one text. */
import type { Page } from 'puppeteer'
import { findChromium, type RunningBrowser, startBrowser } from '../support/browser.js'
import { EDITORS, EditorPages, noEditors } from '../support/editor-pages.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'

const test = suite('editors of the README')
const found = await findChromium()
const whyNot = found.reason ?? noEditors
/** By the clock: puppeteer's look at mutations misses those of text alone. */
const WAIT = { polling: 50, timeout: 15_000 } as const

let browser: RunningBrowser
let server: ServerProcess
let pages: EditorPages

test.before(
  async () => {
    if (found.path === null || whyNot !== null) return
    server = await startServer()
    const built = performance.now()
    pages = await EditorPages.start(server.port)
    note(`built in ${((performance.now() - built) / 1000).toFixed(1)} s`)
    browser = await startBrowser(found.path)
  },
  { timeoutMs: 120_000 },
)
test.after(async () => {
  await browser?.close()
  await pages?.close()
  await server?.dispose()
})

interface Window {
  readonly page: Page
  readonly complaints: string[]
}

const open = async (editor: string, name: string): Promise<Window> => {
  const context = await browser.browser.createBrowserContext()
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warn') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  const session = await page.createCDPSession()
  await session.send('Emulation.setFocusEmulationEnabled', { enabled: true })
  // Lexical's piece names its space and makes its provider.
  const space = editor === 'Lexical' ? null : editor
  const token = await server.token(name)
  await page.goto(pages.address(editor, { space, name, token }), { waitUntil: 'load' })
  await page.waitForSelector('[contenteditable=true]', WAIT)
  if (space !== null) await page.waitForSelector('body[data-synced]', WAIT)
  return { page, complaints }
}

const whenShown = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction(
    text => document.querySelector('[contenteditable=true]')?.textContent?.includes(text),
    WAIT,
    text,
  )

const type = async (page: Page, text: string): Promise<void> => {
  await page.focus('[contenteditable=true]')
  await page.keyboard.type(text)
}

for (const editor of EDITORS) {
  test.skipIf(whyNot, `[I5] ${editor}, connected as the README says: two people write one text`, async () => {
    const [ada, barbara] = await Promise.all([open(editor, 'Ada'), open(editor, 'Barbara')])
    await type(ada.page, 'from Ada')
    await whenShown(barbara.page, 'from Ada')
    // The caret, and the name at it.
    await barbara.page.waitForFunction(
      () => /Ada/.test((document.body.textContent ?? '').replaceAll('from Ada', '')),
      WAIT,
    )
    await type(barbara.page, 'from Barbara')
    await whenShown(ada.page, 'from Barbara')
    assert.equal([...ada.complaints, ...barbara.complaints], [])
    await Promise.all([ada, barbara].map(({ page }) => page.browserContext().close()))
  })
}
