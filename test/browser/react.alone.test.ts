/** The hooks of `plenum/react` in a real browser, with React 18 and 19, under StrictMode and over a real server. */
import type { Page } from 'puppeteer'
import type { SpaceProvider } from '../../client/index.js'
import { findChromium, type RunningBrowser, startBrowser } from '../support/browser.js'
import { takeOverTime } from '../support/page-time.js'
import { noReact, REACTS, ReactPages, type ReactVersion } from '../support/react-pages.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('react in a browser')
const found = await findChromium()
const whyNot = found.reason ?? noReact
const WAIT_MS = 15_000
const TIMEOUT_MS = 60_000

let browser: RunningBrowser
let server: ServerProcess
let pages: ReactPages
let spaces = 0

test.before(
  async () => {
    if (found.path === null || whyNot !== null) return
    server = await startServer()
    const began = performance.now()
    pages = await ReactPages.start(server.port, await server.token('ada'))
    note(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`)
    browser = await startBrowser(found.path)
  },
  { timeoutMs: 120_000 },
)
// A test that fails while the server is down must not fail the others.
test.before.each(async () => {
  if (whyNot !== null) return
  const isUp = await fetch(`${server.url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
  if (!isUp) await server.restart()
})
test.after(async () => {
  await browser?.close()
  await pages?.close()
  await server?.dispose()
})

interface Seen {
  readonly version: string
  readonly renders: Record<string, number>
  // biome-ignore lint/suspicious/noExplicitAny: whatever a hook returns
  readonly shown: Record<string, any>
  readonly sockets: WebSocket[]
  tokenFails: boolean
  tokensAsked: number
  readonly token: string
  /** @param more properties of the room */
  mount(space?: string, user?: string, more?: object): void
  unmount(): void
}

declare global {
  var seen: Seen
}

interface Opening {
  readonly version: ReactVersion
  readonly user: string
  readonly space: string
  readonly watch?: string
}

/** A window of its own whose time the test moves, mounted. */
const open = async ({ version, user, space, watch = '' }: Opening): Promise<Page> => {
  const context = await browser.browser.createBrowserContext()
  const page = await context.newPage()
  await takeOverTime(page)
  const token = await server.token(user)
  await page.goto(pages.address(version, { url: server.url, space, token, user, watch }), {
    waitUntil: 'load',
  })
  await page.evaluate(() => globalThis.seen.mount())
  return page
}

const close = (...opened: Page[]): Promise<unknown> =>
  Promise.all(opened.map(page => page.browserContext().close()))

const advance = (page: Page, byMs: number): Promise<void> =>
  page.evaluate(ms => globalThis.pageTime.advance(ms), byMs)

/** Asked from outside: a wait within the page would take part in its time. */
const whenTrue = <Args extends unknown[]>(
  page: Page,
  ask: (...args: Args) => unknown,
  ...args: Args
): Promise<unknown> =>
  until(
    `${ask}`,
    async () => Boolean(await page.evaluate(ask as (...args: unknown[]) => unknown, ...args)),
    WAIT_MS,
  )

const whenSaved = (page: Page): Promise<unknown> =>
  whenTrue(page, () => {
    const { connection, saveState } = globalThis.seen.shown
    return connection?.state === 'connected' && saveState === 'saved'
  })

const shown = <Value>(page: Page, read: (shown: Seen['shown']) => Value): Promise<Value> =>
  page.evaluate(`(${read})(globalThis.seen.shown)`) as Promise<Value>

const whenShown = (page: Page, read: (shown: Seen['shown']) => unknown): Promise<unknown> =>
  until(
    `${read}`,
    () => page.evaluate(`Boolean((${read})(globalThis.seen.shown))`) as Promise<boolean>,
    WAIT_MS,
  )

/** How many connections the server has from this user. */
const connectionsOf = async (user: string, space: string): Promise<number> => {
  const headers = { Authorization: `Bearer ${await server.token(user)}` }
  const response = await fetch(`${server.url}/api/spaces/${space}/members`, { headers })
  const { members } = (await response.json()) as { members: { user: string; connections: number }[] }
  return members.find(member => member.user === user)?.connections ?? 0
}

for (const version of REACTS) {
  const newSpace = (): string => `react-${version}-${++spaces}`

  test.skipIf(
    whyNot,
    `[J1] React ${version}: mounted twice it is one connection, and unmounted it is none`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const space = newSpace()
      const page = await open({ version, user: 'ada', space })
      await whenSaved(page)
      assert.ok((await page.evaluate(() => globalThis.seen.version)).startsWith(`${version}.`))
      assert.is(await page.evaluate(() => globalThis.seen.sockets.length), 1)
      assert.is(await page.evaluate(() => globalThis.seen.tokensAsked), 1)
      await until('the server has one', async () => (await connectionsOf('ada', space)) === 1)

      await page.evaluate(() => globalThis.seen.unmount())
      await until('the server has none', async () => (await connectionsOf('ada', space)) === 0)
      await whenTrue(page, () => globalThis.seen.sockets.every(({ readyState }) => readyState === 3))
      await whenTrue(page, () => globalThis.pageTime.active.size === 0)
      await advance(page, 120_000)
      assert.is(await page.evaluate(() => globalThis.seen.sockets.length), 1)

      await page.evaluate(() => globalThis.seen.mount())
      await whenSaved(page)
      await until('the server has one', async () => (await connectionsOf('ada', space)) === 1)
      await close(page)
    },
  )

  test.skipIf(
    whyNot,
    `[J2] React ${version}: another space is another room, and the old one is left`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const [first, second] = [newSpace(), newSpace()]
      const page = await open({ version, user: 'ada', space: first })
      await whenSaved(page)
      const oldDoc = await page.evaluateHandle(() => globalThis.seen.shown.space.doc)
      await page.evaluate(name => globalThis.seen.mount(name), second)
      await until('one is left', async () => (await connectionsOf('ada', first)) === 0)
      await until('the other has one', async () => (await connectionsOf('ada', second)) === 1)
      await whenTrue(
        page,
        name =>
          globalThis.seen.shown.space.name === name && globalThis.seen.shown.connection.state === 'connected',
        second,
      )
      assert.ok(await page.evaluate(old => globalThis.seen.shown.space.doc !== old, oldDoc))
      const secondDoc = await page.evaluateHandle(() => globalThis.seen.shown.space.doc)
      await page.evaluate(name => globalThis.seen.mount(name, 'somebody else'), second)
      await whenTrue(
        page,
        old =>
          globalThis.seen.shown.space.doc !== old && globalThis.seen.shown.connection.state === 'connected',
        secondDoc,
      )
      await until('one is left', async () => (await connectionsOf('ada', second)) === 1)
      await close(page)
    },
  )

  test.skipIf(
    whyNot,
    `[J2] React ${version}: a new token and another presence change the room that is open`,
    async () => {
      const page = await open({ version, user: 'ada', space: newSpace() })
      await whenSaved(page)
      await page.evaluate(() => globalThis.seen.unmount())
      await page.evaluate(() => globalThis.seen.mount(undefined, 'ada', { token: 'nonsense' }))
      await whenShown(page, ({ connection }) => connection.state === 'needs-auth')
      const doc = await page.evaluateHandle(() => globalThis.seen.shown.space.doc)
      await page.evaluate(() => {
        const { seen } = globalThis
        seen.mount(undefined, 'ada', { token: seen.token, presence: { mood: 'busy' } })
      })
      await whenShown(
        page,
        ({ connection, names }) => connection.state === 'connected' && names.includes('ada:busy'),
      )
      assert.ok(await page.evaluate(old => globalThis.seen.shown.space.doc === old, doc))
      await page.evaluate(() => {
        const { seen } = globalThis
        seen.mount(undefined, 'ada', { token: seen.token, presence: { color: 'blue' } })
      })
      await whenShown(page, ({ names }) => names.includes('ada:undefined'))
      await close(page)
    },
  )

  test.skipIf(
    whyNot,
    `[J2] React ${version}: what changes while the room is opened counts, and a function in place of a token`,
    async () => {
      const page = await open({ version, user: 'ada', space: newSpace() })
      await whenSaved(page)
      await page.evaluate(() => globalThis.seen.unmount())
      await page.evaluate(() => {
        const { seen } = globalThis
        const late = { token: seen.token, presence: { mood: 'busy' } }
        seen.mount(undefined, 'ada', { token: 'nonsense', late })
      })
      await whenShown(
        page,
        ({ connection, names }) => connection.state === 'connected' && names.includes('ada:busy'),
      )
      await page.evaluate(() => globalThis.seen.unmount())
      await page.evaluate(() => globalThis.seen.mount(undefined, 'ada', { token: 'nonsense' }))
      await whenShown(page, ({ connection }) => connection.state === 'needs-auth')
      await page.evaluate(() => globalThis.seen.mount())
      await whenShown(page, ({ connection }) => connection.state === 'connected')
      await close(page)
    },
  )

  test.skipIf(
    whyNot,
    `[J3] React ${version}: each window shows what the other does`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const space = newSpace()
      const [ada, barbara] = await Promise.all([
        open({ version, user: 'ada', space }),
        open({ version, user: 'barbara', space }),
      ])
      await Promise.all([whenSaved(ada), whenSaved(barbara)])
      await whenShown(ada, ({ here }) => here.join() === 'ada,barbara' || here.join() === 'barbara,ada')
      await whenShown(ada, ({ names }) => names.includes('barbara:calm') && names.includes('ada:calm'))
      assert.is(await shown(ada, ({ self }) => self.user), 'ada')

      await ada.evaluate(() => {
        const { settings, list, text, intentions, space } = globalThis.seen.shown
        settings[1].set('theme', 'dark')
        list[1].push(['one', { two: 2 }])
        text[1].insert(0, 'from Ada')
        intentions.propose('Halve it')
        space.setPresence({ mood: 'busy' })
      })
      await whenShown(barbara, ({ settings, theme }) => settings[0].theme === 'dark' && theme[0] === 'dark')
      await whenShown(barbara, ({ list }) => JSON.stringify(list[0]) === '["one",{"two":2}]')
      await whenShown(barbara, ({ text }) => text[0] === 'from Ada')
      await whenShown(barbara, ({ intentions }) => intentions.intentions[0]?.by === 'ada')
      await whenShown(barbara, ({ names }) => names.includes('ada:busy'))

      await barbara.evaluate(() => {
        const { intentions } = globalThis.seen.shown
        intentions.activate(intentions.intentions[0].id)
      })
      await whenShown(ada, ({ stateSync }) => stateSync.intentions[0]?.status === 'active')
      await whenSaved(ada)
      const together = await shown(ada, ({ stateSync }) => [
        stateSync.connection.state,
        stateSync.saveState,
        stateSync.role,
        stateSync.self.user,
        stateSync.members.length,
        stateSync.presence.length,
      ])
      assert.equal(together, ['connected', 'saved', 'write', 'ada', 2, 2])

      await close(barbara)
      await whenShown(ada, ({ here, presence }) => here.join() === 'ada' && presence.length === 1)
      await close(ada)
    },
  )

  test.skipIf(
    whyNot,
    `[J4] React ${version}: renewals and heartbeats render nothing and start no timer of ours`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const space = newSpace()
      const [ada, barbara] = await Promise.all([
        open({ version, user: 'ada', space }),
        // With two hooks only: what runs there is the provider's.
        open({ version, user: 'barbara', space, watch: 'space,connection,saveState' }),
      ])
      await Promise.all([whenSaved(ada), whenSaved(barbara)])
      await whenShown(ada, ({ presence, members }) => presence.length === 2 && members.length === 2)
      await until('nothing is rendered any more', async () => (await isSettled(ada)) && isSettled(barbara))
      const begin = () => {
        const { provider } = globalThis.seen.shown.space as { provider: SpaceProvider }
        const counted = { renewals: 0, answers: 0 }
        provider.awareness.on('update', () => counted.renewals++)
        globalThis.seen.sockets[0]?.addEventListener('message', ({ data }) => {
          if (new Uint8Array(data)[0] === 1) counted.answers++
        })
        Object.assign(globalThis, { counted })
        globalThis.pageTime.started.length = 0
        return { renders: { ...globalThis.seen.renders }, active: globalThis.pageTime.active.size }
      }
      await barbara.evaluate(begin)
      const before = await ada.evaluate(begin)
      for (let round = 1; round <= 4; round++) {
        await Promise.all([advance(ada, 16_000), advance(barbara, 16_000)])
        // The server is asked for everybody's states, and so tells what it would tell a stock client by itself.
        for (const page of [barbara, ada]) {
          await page.evaluate(() => globalThis.seen.sockets[0]?.send(Uint8Array.of(3)))
          await whenTrue(
            page,
            count => (globalThis as unknown as { counted: { answers: number } }).counted.answers >= count,
            round,
          )
        }
      }
      const end = () => ({
        renders: { ...globalThis.seen.renders },
        timers: [globalThis.pageTime.active.size, globalThis.pageTime.started.length],
        state: globalThis.seen.shown.connection.state,
        renewals: (globalThis as unknown as { counted: { renewals: number } }).counted.renewals,
      })
      const after = await ada.evaluate(end)
      const fewHooks = await barbara.evaluate(end)
      assert.is(after.state, 'connected')
      assert.ok(after.renewals >= 3, `${after.renewals} renewals`)
      assert.equal(after.renders, before.renders)
      assert.is(after.timers[0], before.active)
      assert.equal(after.timers, fewHooks.timers)
      await close(ada, barbara)
    },
  )

  test.skipIf(
    whyNot,
    `[J5] React ${version}: a killed server leaves what was known, stale, and a new one makes it live`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const space = newSpace()
      const [ada, barbara] = await Promise.all([
        open({ version, user: 'ada', space }),
        open({ version, user: 'barbara', space }),
      ])
      await Promise.all([whenSaved(ada), whenSaved(barbara)])
      await ada.evaluate(() => globalThis.seen.shown.intentions.propose('Outlive it'))
      await whenShown(barbara, ({ intentionsWithFallback }) => intentionsWithFallback.intentions.length === 1)
      await whenShown(barbara, ({ presenceWithFallback }) => presenceWithFallback.windows.length === 2)
      assert.equal(
        await shown(barbara, ({ presenceWithFallback: { stale, source, ageMs } }) => [stale, source, ageMs]),
        [false, 'live', null],
      )
      await whenSaved(barbara)

      const rendered = (): Promise<Record<string, number>> =>
        barbara.evaluate(() => ({ ...globalThis.seen.renders }))
      await server.kill9()
      await whenShown(
        barbara,
        ({ presenceWithFallback, intentionsWithFallback }) =>
          presenceWithFallback.stale && intentionsWithFallback.stale,
      )
      await barbara.evaluate(() => {
        const counted = { asked: 0 }
        const { fetch } = globalThis
        Object.assign(globalThis, {
          counted,
          fetch: (...args: Parameters<typeof fetch>) => {
            if (String(args[0]).endsWith('/snapshot')) counted.asked++
            return fetch(...args)
          },
        })
      })
      await until('nothing is rendered any more', () => isSettled(barbara))
      const before = await rendered()
      // A minute in which nothing answers, second by second.
      for (let second = 0; second < 60; second++) await advance(barbara, 1_000)
      await until('nothing is rendered any more', () => isSettled(barbara))
      const after = await rendered()
      // Only who asked for it is rendered as time passes; in development, each time twice.
      assert.is(after.presenceWithFallback, before.presenceWithFallback)
      assert.ok(
        (after.ticking ?? 0) - (before.ticking ?? 0) >= 6,
        `ticked from ${before.ticking} to ${after.ticking}`,
      )
      const asked = await barbara.evaluate(
        () => (globalThis as unknown as { counted: { asked: number } }).counted.asked,
      )
      assert.ok(asked >= 1 && asked <= 8, `the snapshot was asked for ${asked} times`)
      // Written while cut off: it is in sight.
      await barbara.evaluate(() => globalThis.seen.shown.intentions.propose('Alone'))
      await whenShown(barbara, ({ intentionsWithFallback }) => intentionsWithFallback.intentions.length === 2)
      const stale = await shown(barbara, ({ presenceWithFallback, intentionsWithFallback, names, here }) => ({
        users: presenceWithFallback.members.map(({ user }: { user: string }) => user).sort(),
        statuses: presenceWithFallback.members.map(({ status }: { status: string }) => status),
        windows: presenceWithFallback.windows.length,
        sources: [presenceWithFallback.source, intentionsWithFallback.source],
        isAged: intentionsWithFallback.ageMs >= 60_000,
        isDated: Math.abs(intentionsWithFallback.asOf - Date.now()) < 120_000,
        texts: intentionsWithFallback.intentions.map(({ text }: { text: string }) => text),
        live: [names.length, here.length],
      }))
      assert.equal(stale, {
        users: ['ada', 'barbara'],
        statuses: ['unknown', 'unknown'],
        windows: 2,
        sources: ['copy', 'copy'],
        isAged: true,
        isDated: true,
        texts: ['Outlive it', 'Alone'],
        live: [1, 0],
      })

      await server.restart()
      await until('it is live again', async () => {
        await Promise.all([advance(ada, 1_000), advance(barbara, 1_000)])
        return shown(
          barbara,
          ({ presenceWithFallback, intentionsWithFallback }) =>
            !presenceWithFallback.stale && !intentionsWithFallback.stale,
        )
      })
      await whenShown(ada, ({ intentionsWithFallback }) => intentionsWithFallback.intentions.length === 2)
      await whenShown(barbara, ({ presenceWithFallback }) => presenceWithFallback.windows.length === 2)
      await whenSaved(barbara)
      await close(ada, barbara)
    },
  )

  test.skipIf(
    whyNot,
    `[J10] React ${version}: a page that neither door lets in shows what the server says over HTTP`,
    { timeoutMs: TIMEOUT_MS },
    async () => {
      const space = newSpace()
      const ada = await open({ version, user: 'ada', space })
      await whenSaved(ada)
      await ada.evaluate(() => globalThis.seen.shown.intentions.propose('Seen from afar'))
      await whenSaved(ada)
      const context = await browser.browser.createBrowserContext()
      const page = await context.newPage()
      await takeOverTime(page)
      await page.evaluateOnNewDocument(shutDoors)
      const token = await server.token('barbara')
      const address = pages.address(version, { url: server.url, space, token, user: 'barbara' })
      await page.goto(address, { waitUntil: 'load' })
      await page.evaluate(() => globalThis.seen.mount())
      await until('the snapshot is shown', async () => {
        await advance(page, 500)
        return shown(page, ({ presenceWithFallback }) => presenceWithFallback?.source === 'snapshot')
      })
      const seen = await shown(page, ({ presenceWithFallback, intentionsWithFallback, connection }) => ({
        members: presenceWithFallback.members.map(
          ({ user, status }: Record<string, string>) => `${user} ${status}`,
        ),
        moods: presenceWithFallback.windows.map(
          ({ name, state }: { name: string; state: { mood: string } }) => [name, state.mood],
        ),
        intentions: intentionsWithFallback.intentions.map(({ by, text }: Record<string, string>) => [
          by,
          text,
        ]),
        stale: [presenceWithFallback.stale, intentionsWithFallback.stale],
        isAged: presenceWithFallback.ageMs >= 0,
        isConnected: connection.state === 'connected',
      }))
      assert.equal(seen, {
        members: ['ada unknown'],
        moods: [['ada', 'calm']],
        intentions: [['ada', 'Seen from afar']],
        stale: [true, true],
        isAged: true,
        isConnected: false,
      })
      await close(ada, page)
    },
  )

  test.skipIf(
    whyNot,
    `[J6] React ${version}: a token function that throws is told, not thrown`,
    {
      timeoutMs: TIMEOUT_MS,
    },
    async () => {
      const context = await browser.browser.createBrowserContext()
      const page = await context.newPage()
      const thrown: string[] = []
      page.on('pageerror', error => thrown.push(String(error)))
      await takeOverTime(page)
      const space = newSpace()
      const token = await server.token('ada')
      await page.goto(pages.address(version, { url: server.url, space, token, user: 'ada' }), {
        waitUntil: 'load',
      })
      await page.evaluate(() => {
        globalThis.seen.tokenFails = true
        globalThis.seen.mount()
      })
      await whenShown(page, ({ connection }) => connection?.tokenError?.message === 'the backend is away')
      assert.is(await shown(page, ({ connection }) => connection.state), 'offline')
      await page.evaluate(() => {
        globalThis.seen.tokenFails = false
      })
      await until('it is connected', async () => {
        await advance(page, 1_000)
        return shown(page, ({ connection }) => connection.state === 'connected')
      })
      assert.is(await shown(page, ({ connection }) => connection.tokenError), null)
      assert.equal(thrown, [])
      await close(page)
    },
  )

  test.skipIf(whyNot, `[I5] React ${version}: the README's example shows what it says`, async () => {
    const context = await browser.browser.createBrowserContext()
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warn') complaints.push(message.text())
    })
    await page.goto(pages.exampleAddress(version), { waitUntil: 'load' })
    const whenText = (text: string): Promise<unknown> =>
      until(text, async () => (await page.evaluate(() => document.body.innerText)).includes(text))
    await whenText('connected, saved')
    await whenText('here: ada')
    const theme = await page.evaluate(() => document.querySelector('button')?.innerText)
    await page.click('button')
    await whenText(theme === 'dark' ? 'light' : 'dark')
    await whenText('connected, saved')
    assert.equal(complaints, [])
    await context.close()
  })
}

/** In the page: no WebSocket opens, and nothing comes from below /sync. */
const shutDoors = (): void => {
  class DeadSocket extends EventTarget {
    static readonly CONNECTING = 0
    static readonly OPEN = 1
    static readonly CLOSING = 2
    static readonly CLOSED = 3
    readonly readyState = 3
    readonly bufferedAmount = 0
    readonly protocol = ''

    constructor() {
      super()
      queueMicrotask(() => this.dispatchEvent(new CloseEvent('close', { code: 1006 })))
    }

    send(): void {}

    close(): void {}
  }
  const { fetch } = globalThis
  Object.assign(globalThis, {
    WebSocket: DeadSocket,
    fetch: (...args: Parameters<typeof fetch>) =>
      String(args[0]).includes('/sync/') ? Promise.reject(new TypeError('shut')) : fetch(...args),
  })
}

/** Whether nothing has been rendered for as long as it takes to ask twice. */
const isSettled = async (page: Page): Promise<boolean> => {
  const count = (): Promise<string> => page.evaluate(() => JSON.stringify(globalThis.seen.renders))
  const before = await count()
  await page.evaluate(
    () => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  )
  return before === (await count())
}
