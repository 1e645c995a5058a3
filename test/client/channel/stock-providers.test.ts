/** The channel as the WebSocket class of stock y-websocket providers, against a real server. */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import type { Channel } from '../../../client/channel/channel.js'
import { type ChannelOptions, channelClass } from '../../../client/channel/channel-class.js'
import type { ConnectionState } from '../../../client/channel/connection-state.js'
import { DOORS } from '../../../client/channel/door-choice.js'
import { type ServerProcess, startServer } from '../../support/server-process.js'
import { STOCK_PACKAGES, STOCK_VERSIONS, type StockVersion } from '../../support/stock-client-calls.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('channel under stock providers')

interface Provider {
  readonly ws: Channel | null
  readonly synced: boolean
  connect(): void
  disconnect(): void
  destroy(): void
}

let server: ServerProcess
const opened: { readonly provider: Provider; readonly doc: Y.Doc }[] = []

test.before(async () => {
  server = await startServer()
})
test.after.each(() => {
  for (const { provider, doc } of opened.splice(0)) {
    provider.destroy()
    doc.destroy()
  }
})
test.after(() => server.dispose())

const urls: string[] = []
class CountedSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols)
    urls.push(url)
  }
}

const open = async (version: StockVersion, space: string, options: ChannelOptions) => {
  const doc = new Y.Doc()
  const { WebsocketProvider } = (await import(STOCK_PACKAGES[version])) as {
    WebsocketProvider: new (url: string, space: string, doc: Y.Doc, options: object) => Provider
  }
  const states: ConnectionState[] = []
  const provider = new WebsocketProvider(server.syncUrl, space, doc, {
    disableBc: true,
    WebSocketPolyfill: channelClass({
      WebSocket: CountedSocket as never,
      pace: { baseMs: 50, maxMs: 200 },
      onConnection: state => states.push(state),
      ...options,
    }),
  })
  opened.push({ provider, doc })
  return { provider, states, text: doc.getText('text') }
}

const WAYS = STOCK_VERSIONS.flatMap(version => DOORS.map(door => ({ version, door })))

// All ways at once: a server that is killed is killed for each of them.
test('[P11] each stock version by each door syncs, is acknowledged, and is back after kill -9 with a fresh token', {
  timeoutMs: 60_000,
}, async () => {
  const pairs = await Promise.all(
    WAYS.map(async ({ version, door }) => {
      const space = `channel-${version}-${door}`
      const pair = { what: `stock ${version} by ${door}`, door, asked: 0 }
      const token = (): Promise<string> => server.token(`ann-${++pair.asked}`, space)
      const { provider, text } = await open(version, space, { token, doors: [door] })
      const other = await open(version, space, { token: await server.token('bob', space), doors: [door] })
      return Object.assign(pair, { provider, text, other })
    }),
  )
  await Promise.all(
    pairs.map(async ({ what, provider, text, other }) => {
      await until(`${what}: synced`, () => provider.synced && other.provider.synced)
      text.insert(0, 'a')
      await until(`${what}: relayed`, () => other.text.toString() === 'a')
      await until(`${what}: acknowledged`, () => {
        const { sentMessages = 0, savedMessages = 0 } = provider.ws ?? {}
        return sentMessages > 0 && savedMessages === sentMessages
      })
    }),
  )
  await server.kill9()
  for (const { text } of pairs) text.insert(1, 'b')
  await server.start()
  await Promise.all(
    pairs.map(async ({ what, door, provider, other }) => {
      const isBack = (): boolean => provider.synced && other.text.toString() === 'ab'
      await until(`${what}: together again`, isBack, 20_000)
      assert.is(provider.ws?.door, door, what)
    }),
  )
  for (const { what, asked } of pairs) assert.ok(asked >= 2, what)
  assert.not(
    urls.some(url => url.includes('after=')),
    'who swallows errors goes on from nowhere',
  )
})

for (const { version, door } of WAYS) {
  const what = `stock ${version} by ${door}`
  const doors = [door]

  test(`[P11] ${what}: stops at a permanent close, says why, and connects again when told to`, async () => {
    let space = 'elsewhere'
    const token = (): Promise<string> => server.token('ann', space)
    const { provider, states } = await open(version, `denied-${version}-${door}`, { token, doors })
    await until('stopped', () => states.find(({ state }) => state === 'closed'))
    const reason = 'the token grants nothing on this space'
    assert.equal(states.at(-1), { state: 'closed', code: 4403, reason })
    const attempts = (): number => states.filter(({ state }) => state === 'connecting').length
    const before = attempts()
    // Long enough for stock 2.1 and 3.0, which do not stop, to have come back.
    await until('the provider is back or has stopped', () =>
      version === '3.1.0' ? provider.ws === null : provider.ws?.readyState === 0,
    )
    assert.is(attempts(), before)
    space = `denied-${version}-${door}`
    if (version !== '3.1.0') provider.disconnect()
    provider.connect()
    await until('connected', () => provider.synced)
  })
}

test('[P11] an expired token is replaced unseen while the connection stays', async () => {
  const space = 'renewed'
  let asked = 0
  const ttlMs = (): number => (asked++ === 0 ? 2_500 : 60_000)
  const firstEndsMs = Date.now() + 2_500
  const token = (): Promise<string> => server.token('ann', space, 'write', ttlMs())
  const { provider, states, text } = await open('3.1.0', space, { token })
  await until('synced', () => provider.synced)
  const channel = provider.ws
  await until('renewed', () => asked === 2)
  const bob = await open('3.1.0', space, { token: await server.token('bob', space) })
  await until('bob is there', () => bob.provider.synced)
  await until('the first token has ended', () => Date.now() > firstEndsMs + 1_000)
  bob.text.insert(0, 'x')
  await until('relayed', () => text.toString() === 'x')
  assert.is(provider.ws, channel)
  assert.is(states.at(-1)?.state, 'connected')
})
