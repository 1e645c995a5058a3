/** Who sees whom on a real server: stock clients of every version and ours, as they come, go, come back and die. */
import { WebSocket } from 'ws'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { SpaceProvider } from '../../client/space-provider.js'
import { decodeAwareness } from '../../server/space/awareness-codec.js'
import type { ServerMessage } from '../../shared/protocol/index.js'
import { openPlainClient } from '../support/plain-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { openStockClient } from '../support/stock-client.js'
import { STOCK_VERSIONS, type StockVersion } from '../support/stock-client-calls.js'
import { StockTab, type StockTabOptions } from '../support/stock-tab.js'
import { assert, note, suite } from '../support/suite.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { until } from '../support/until.js'

const test = suite('presence on a real server')

const HEARTBEAT_MS = 1_000
/** Before a stock client renews its state by itself, after 15 s. */
const AT_ONCE_MS = 8_000
/** What a client takes to come back, with its nudge and the echoes of everybody in such a small room. */
const MAX_FRAMES = 60
const ROUNDS = 20

let server: ServerProcess
let spaces = 0
let space: string
const toClose: { close(): unknown }[] = []

test.before(async () => {
  server = await startServer({ flags: ['--heartbeat', `${HEARTBEAT_MS}ms`] })
})
test.before.each(() => {
  space = `space-${++spaces}`
})
test.after.each(async () => {
  await Promise.all(toClose.splice(0).map(opened => opened.close()))
})
test.after(() => server.dispose())

const tab = async (
  user: string,
  options: Partial<StockTabOptions> & { readonly version: StockVersion },
): Promise<StockTab> => {
  const token = await server.token(user, space)
  const opened = await StockTab.open({ url: server.syncUrl, space, token, ...options })
  toClose.push(opened)
  return opened
}

const ours = (user: string, state: Record<string, unknown>, url = server.syncUrl): SpaceProvider => {
  const provider = new SpaceProvider(url, space, new Y.Doc(), {
    token: () => server.token(user, space),
    WebSocketPolyfill: WebSocket,
    maxBackoffTime: 200,
    disableBc: true,
  })
  provider.awareness.setLocalState(state)
  toClose.push({ close: () => provider.destroy() })
  return provider
}

const process = async (version: StockVersion) => {
  const token = await server.token(version, space)
  const client = await openStockClient({ version, url: server.syncUrl, space, token })
  toClose.push(client)
  return client
}

/** Resolves when the watcher sees this of the client. */
const untilSeen = (watcher: StockTab, clientId: number, colour: string | undefined): Promise<unknown> =>
  until(`${clientId} is seen as ${colour}`, () => watcher.stateOf(clientId)?.colour === colour, AT_ONCE_MS)

type View = ReadonlyMap<number, Record<string, unknown>>

/** What everybody sees of everybody but themselves. */
const viewsOf = async (views: readonly (readonly [clientId: number, () => View | Promise<View>])[]) => {
  const seen = new Map<number, Map<number, string>>()
  for (const [clientId, view] of views) {
    for (const [other, state] of await view()) {
      if (other === clientId) continue
      const told = seen.get(other) ?? new Map<number, string>()
      seen.set(other, told.set(clientId, JSON.stringify(state)))
    }
  }
  return seen
}

test('[A20] [A12] stock clients of every version and ours see the same of each other', async () => {
  const stock = await Promise.all(STOCK_VERSIONS.map(process))
  const states = await Promise.all(stock.map(client => client.state()))
  const providers = ['ann', 'bob'].map(user => ours(user, { colour: `of ${user}` }))
  const views = [
    ...stock.map((client, at) => [states[at]!.clientId, client.awareness] as const),
    ...providers.map(({ doc, awareness }) => [doc.clientID, () => awareness.getStates() as View] as const),
  ]
  const untilAllSee = async (turn: number): Promise<void> => {
    await until(`all see the same of turn ${turn}`, async () => {
      const seen = await viewsOf(views)
      if (seen.size !== views.length) return false
      return [...seen.values()].every(told => {
        const [first] = told.values()
        const isOne = told.size === views.length - 1 && new Set(told.values()).size === 1
        return isOne && JSON.parse(first!).turn === turn
      })
    })
  }
  const stampedUsers = async (): Promise<unknown[]> =>
    [...(await viewsOf(views)).values()].map(told => JSON.parse([...told.values()][0]!).plenum.user).sort()
  for (let turn = 1; turn <= 3; turn++) {
    for (const client of stock) await client.setAwareness({ colour: 'red', cursor: [1, 2], turn })
    for (const { awareness } of providers) awareness.setLocalStateField('turn', turn)
    await untilAllSee(turn)
  }
  assert.equal(await stampedUsers(), [...STOCK_VERSIONS, 'ann', 'bob'])

  const [leaver, ...others] = stock
  const gone = views.shift()!
  await leaver!.setAwareness(null)
  await until('it is gone for all', async () => !(await viewsOf(views)).has(gone[0]))
  for (const client of others) assert.equal((await client.state()).closes, [])
})

test('[A40] [A41] a renewal of ours reaches stock clients and none of ours, who see the next change and the end', async () => {
  const [ann, bob] = [ours('ann', { colour: 'red' }), ours('bob', { colour: 'blue' })]
  const stock = await tab('carol', { version: '3.1.0', state: { colour: 'white' } })
  const id = ann.doc.clientID
  const colourFor = ({ awareness }: { awareness: Awareness }) => awareness.getStates().get(id)?.colour
  const clockFor = ({ awareness }: { awareness: Awareness }) => awareness.meta.get(id)?.clock ?? -1
  await until('both see ann', () => colourFor(bob) === 'red' && colourFor(stock) === 'red', AT_ONCE_MS)
  const [before, known] = [clockFor(ann), clockFor(bob)]
  for (let renewal = 0; renewal < 3; renewal++) ann.awareness.setLocalState(ann.awareness.getLocalState())
  await until('the stock client knows the renewals', () => clockFor(stock) === before + 3, AT_ONCE_MS)
  assert.is(clockFor(bob), known)
  ann.awareness.setLocalState({ colour: 'green' })
  await until('both see it', () => colourFor(bob) === 'green' && colourFor(stock) === 'green', AT_ONCE_MS)
  assert.is(clockFor(bob), before + 4)
  ann.awareness.setLocalState(ann.awareness.getLocalState())
  await until('one more', () => clockFor(stock) === before + 5, AT_ONCE_MS)
  ann.destroy()
  const isGone = (): boolean => colourFor(bob) === undefined && colourFor(stock) === undefined
  await until('it is gone for both', isGone, AT_ONCE_MS)
})

for (const version of STOCK_VERSIONS) {
  test(`[A4] stock ${version} that comes back with its clientID is visible at once, reloaded as well`, async () => {
    const watcher = await tab('watcher', { version: '3.1.0', state: { colour: 'white' } })
    const first = await tab('ann', { version, state: { colour: 'red' } })
    await untilSeen(watcher, first.clientId, 'red')
    for (const colour of ['green', 'blue']) {
      first.provider.disconnect()
      await untilSeen(watcher, first.clientId, undefined)
      first.awareness.setLocalState({ colour })
      first.provider.connect()
      await untilSeen(watcher, first.clientId, colour)
    }
    // The clock begins again at 0.
    first.close()
    const again = await tab('ann', { version, clientId: first.clientId, state: { colour: 'black' } })
    await untilSeen(watcher, first.clientId, 'black')
    await untilSeen(again, watcher.clientId, 'white')
    const frames = watcher.awarenessFrames + first.awarenessFrames + again.awarenessFrames
    assert.ok(frames < MAX_FRAMES, `${frames} frames`)
  })

  test(`[A6] stock ${version} comes back while its old socket is half-open, its other tab on the channel: no storm`, async () => {
    const proxy = await TcpProxy.open(server.port)
    toClose.push(proxy)
    const watcher = await tab('watcher', { version: '3.1.0', state: { colour: 'white' } })
    const options = { version, url: proxy.syncUrl, isOnChannel: true }
    const first = await tab('ann', { ...options, state: { colour: 'red' } })
    await untilSeen(watcher, first.clientId, 'red')
    const second = await tab('ann', { ...options, state: { colour: 'yellow' } })
    await untilSeen(watcher, second.clientId, 'yellow')

    // The first alone, and then both at once.
    for (const [colour, lost] of [
      ['green', 1],
      ['blue', 2],
    ] as const) {
      const links = proxy.links.splice(0)
      const closesBefore = first.closes.length
      for (const link of links.slice(0, lost)) link.cutClient()
      proxy.links.push(...links.slice(lost))
      await until('it notices', () => first.closes.length > closesBefore)
      first.awareness.setLocalState({ colour })
      await untilSeen(watcher, first.clientId, colour)
      await untilSeen(watcher, second.clientId, 'yellow')
    }

    const tabs = [watcher, first, second]
    const sum = (): number => tabs.reduce((frames, { awarenessFrames }) => frames + awarenessFrames, 0)
    const taken = sum()
    for (let round = 1; round <= ROUNDS; round++) {
      watcher.text.insert(0, 'x')
      await until('all have it', () => tabs.every(({ text }) => text.length === round))
    }
    const after = sum() - taken
    note(`stock ${version}: ${taken} awareness frames until visible again, ${after} afterwards`)
    assert.ok(taken < MAX_FRAMES, `${taken} frames`)
    assert.ok(after < ROUNDS, `${after} frames while nobody did anything`)
  })
}

test('[A5] a provider of ours takes the place of its half-open connection, seen by all at once', async () => {
  const proxy = await TcpProxy.open(server.port)
  toClose.push(proxy)
  const watcher = await tab('watcher', { version: '3.1.0', state: { colour: 'white' } })
  const provider = ours('ann', { colour: 'red' }, proxy.syncUrl)
  const { clientID } = provider.doc
  await untilSeen(watcher, clientID, 'red')
  for (const colour of ['green', 'blue']) {
    proxy.links.at(-1)?.cutClient()
    provider.awareness.setLocalState({ colour })
    await untilSeen(watcher, clientID, colour)
    await until(
      'it sees who is there',
      () => provider.awareness.getStates().has(watcher.clientId),
      AT_ONCE_MS,
    )
    await until('it is one connection', () => provider.self?.connections === 1, AT_ONCE_MS)
  }
})

/** The clientIDs that a message says are gone. */
const goneBy = (message: ServerMessage | undefined): number[] | null =>
  message?.type !== 'awareness'
    ? null
    : decodeAwareness(message.entries, () => true)
        .entries.filter(({ json }) => new TextDecoder().decode(json) === 'null')
        .map(({ clientId }) => clientId)

test('[A1] whoever closes is gone by the next frame, whether it said goodbye, ended or was killed', async () => {
  const watcher = await openPlainClient(`${server.syncUrl}/${space}`, await server.token('watcher', space), [
    'yjs',
  ])
  toClose.push({ close: () => watcher.terminate() })
  const nextMessage = async (): Promise<ServerMessage | undefined> => {
    const at = watcher.messages.length
    return until('a frame comes', () => watcher.messages[at], AT_ONCE_MS)
  }
  watcher.send({ type: 'step1', stateVector: Uint8Array.of(0) })
  watcher.send({ type: 'step2', update: Uint8Array.of(0, 0) })
  await watcher.message('step2')
  const isHere = (clientId: number) => (message: ServerMessage) =>
    message.type === 'awareness' &&
    decodeAwareness(message.entries, id => id === clientId).entries.some(({ clock }) => clock > 0)

  const polite = await tab('ann', { version: '3.1.0' })
  polite.awareness.setLocalState({ colour: 'red' })
  await watcher.message('awareness', isHere(polite.clientId))
  let next = nextMessage()
  polite.provider.disconnect()
  assert.equal(goneBy(await next), [polite.clientId])

  const abrupt = await process('3.0.0')
  const { clientId } = await abrupt.state()
  await abrupt.setAwareness({ colour: 'red' })
  await watcher.message('awareness', isHere(clientId))
  next = nextMessage()
  await abrupt.kill()
  assert.equal(goneBy(await next), [clientId])
})

test('[A21] whoever stands still, or whose network is gone, is gone for others within two heartbeats', async () => {
  const proxy = await TcpProxy.open(server.port)
  toClose.push(proxy)
  const watcher = await tab('watcher', { version: '2.1.0', state: { colour: 'white' } })
  const stopped = await process('3.1.0')
  toClose.push({ close: () => stopped.kill() })
  const { clientId } = await stopped.state()
  await stopped.setAwareness({ colour: 'red' })
  const lost = await tab('ann', { version: '3.1.0', url: proxy.syncUrl, state: { colour: 'green' } })
  await untilSeen(watcher, clientId, 'red')
  await untilSeen(watcher, lost.clientId, 'green')

  const startMs = performance.now()
  stopped.suspend()
  for (const link of proxy.links) link.swallow()
  await Promise.all([clientId, lost.clientId].map(id => untilSeen(watcher, id, undefined)))
  note(`gone after ${((performance.now() - startMs) / HEARTBEAT_MS).toFixed(1)} heartbeats`)
  assert.equal(lost.closes, [], 'it does not know yet')
  assert.equal(watcher.closes, [])
})

test.long(
  '[A7] stock clients left alone for three real minutes are never cut',
  {
    timeoutMs: 240_000,
  },
  async () => {
    // With the default heartbeat.
    const other = await startServer()
    toClose.push({ close: () => other.dispose() })
    const alone: StockTab[] = []
    for (const version of STOCK_VERSIONS) {
      for (const state of [{ colour: 'red' }, null]) {
        const opened = await tab('ann', { version, url: other.syncUrl, state })
        await until('synced', () => opened.provider.synced)
        alone.push(opened)
        space = `space-${++spaces}`
      }
    }
    const endMs = performance.now() + 180_000
    await until('three minutes have passed', () => performance.now() > endMs, 200_000)
    for (const { closes, provider } of alone) {
      assert.equal(closes, [])
      assert.ok(provider.synced)
    }
  },
)
