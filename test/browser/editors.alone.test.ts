/** The editors that the README connects, as it connects them: two people in two windows write one text. */
import type { Page } from 'puppeteer'
import type { SpaceProvider } from '../../client/index.js'
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

/** Whose cursors are asked about more closely: whether the server's stamp is in the state that is drawn. */
const STAMPED = ['CodeMirror', 'ProseMirror']

/** Who is drawn at the cursor is a member, by the stamp, in the state and in the list. */
const seesAs = async (page: Page, user: string): Promise<void> => {
  const seen = await page.evaluate(() => {
    const { provider } = globalThis as unknown as { provider: SpaceProvider }
    const other = [...provider.awareness.getStates()].find(([id]) => id !== provider.awareness.clientID)
    const [id = 0, state = {}] = other ?? []
    const { members, self } = provider
    return { state, member: provider.memberOf(id), members, self, now: provider.serverNow() ?? 0 }
  })
  const { state, member, members, self, now } = seen
  assert.ok('cursor' in state, 'there is a cursor')
  assert.is(state.user.name, user)
  assert.is(member?.user, user)
  assert.equal(state.plenum.user, user)
  assert.is(state.plenum.joinedAt, member?.joinedAt)
  assert.ok(now - (member?.lastSeen ?? 0) < 60_000, 'active now')
  assert.equal(members.map(({ name, status }) => `${name} ${status}`).sort(), ['Ada here', 'Barbara here'])
  assert.is(self?.user, 'Barbara')
}

for (const editor of EDITORS) {
  const rules = STAMPED.includes(editor) ? '[I5] [P34]' : '[I5]'
  test.skipIf(
    whyNot,
    `${rules} ${editor}, connected as the README says: two people write one text`,
    async () => {
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
      if (STAMPED.includes(editor)) await seesAs(barbara.page, 'Ada')
      assert.equal([...ada.complaints, ...barbara.complaints], [])
      await Promise.all([ada, barbara].map(({ page }) => page.browserContext().close()))
    },
  )
}
