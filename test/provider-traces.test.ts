/**
 * Real input through `SpaceProvider`: the recordings are typed keystroke by keystroke by ours, one of them by
 * ours and a stock client together, and readers of both kinds follow; then the server is killed.
 */
import { type ServerProcess, startServer } from './support/server-process.js'
import { playTogether, type StockClient } from './support/stock-client.js'
import { assert, note, suite } from './support/suite.js'
import { SyncedClients } from './support/synced-clients.js'
import { loadTrace, TRACE_NAMES, type TraceName, whyNoTraces } from './support/trace.js'
import { TURN_CLIENT_IDS, turnsOf } from './support/trace-turns.js'

const test = suite('traces through the provider')
const skipReason = whyNoTraces()
const TIMEOUT_MS = 150_000

interface Typing {
  readonly authors: readonly StockClient[]
  readonly readers: readonly StockClient[]
  readonly seconds: number
}

let server: ServerProcess
const running = new SyncedClients(() => server)
const typings = new Map<TraceName, Promise<Typing>>()
/** Recordings that an author of ours ended with, told that they are saved. */
const saved = new Set<TraceName>()

const openReaders = (space: string): Promise<StockClient[]> =>
  Promise.all((['plenum', '3.1.0'] as const).map(version => running.open({ version, space }, 'read')))

const timed = async (type: () => Promise<void>): Promise<number> => {
  const startedMs = performance.now()
  await type()
  return (performance.now() - startedMs) / 1000
}

/** A provider answers for what passed through it. Where a stock client typed too, one that got all of it must. */
const untilSaved = async (space: string, authors: readonly StockClient[]): Promise<void> => {
  const isOurs = authors.every(({ version }) => version === 'plenum')
  const witness = isOurs ? null : await running.open({ version: 'plenum', space }, 'write')
  await Promise.all([authors[0]?.whenSaved(), witness?.whenSaved()])
  if (witness !== null) await running.close([witness])
}

const typeAlone = async (trace: TraceName): Promise<Typing> => {
  const readers = await openReaders(trace)
  const author = await running.open({ version: 'plenum', space: trace }, 'write')
  return { authors: [author], readers, seconds: await timed(() => author.replay(trace)) }
}

/** Ours is the first author and a stock client the second, each on what its author saw; they read each other. */
const typeTogether = async (trace: TraceName): Promise<Typing> => {
  const turns = turnsOf(loadTrace(trace))
  const authors = await Promise.all([
    running.open({ version: 'plenum', space: trace, clientId: TURN_CLIENT_IDS[0] }, 'write'),
    running.open({ version: '3.1.0', space: trace, clientId: TURN_CLIENT_IDS[1] }, 'write'),
  ])
  return { authors, readers: [], seconds: await timed(() => playTogether(authors, turns)) }
}

test.before(async () => {
  if (skipReason !== null) return
  server = await startServer()
  for (const trace of TRACE_NAMES) {
    typings.set(trace, trace === 'friendsforever' ? typeTogether(trace) : typeAlone(trace))
  }
  // Each is awaited by its own test; until then its failure is nobody else's.
  for (const typing of typings.values()) typing.catch(() => {})
})

test.after(async () => {
  await running.close()
  await server?.dispose()
})

for (const trace of TRACE_NAMES) {
  test.skipIf(
    skipReason,
    `[C4] ${trace} typed through SpaceProvider ends as recorded, here and on stock clients, and is saved`,
    { timeoutMs: TIMEOUT_MS },
    async () => {
      const { endContent, txns } = loadTrace(trace)
      const { authors, readers, seconds } = (await typings.get(trace)) as Typing
      const clients = [...authors, ...readers]
      await Promise.all(clients.map(client => client.untilText(endContent)))
      await untilSaved(trace, authors)
      note(`${trace}: ${txns.length} keystrokes in ${seconds.toFixed(1)} s`)
      const states = await Promise.all(clients.map(client => client.state()))
      for (const [i, { version }] of clients.entries()) {
        assert.is(states[i]?.isPending, false)
        assert.equal(states[i]?.closes, [], `no connection of ${version} was lost on the way`)
        assert.is(states[i]?.snapshotHash, states[0]?.snapshotHash, 'equal state vectors and delete sets')
      }
      await running.close(clients)
      saved.add(trace)
    },
  )
}

test.skipIf(
  skipReason,
  '[C4] what whenSaved resolved for is there after kill -9, for clients that know nothing',
  { timeoutMs: TIMEOUT_MS },
  async () => {
    assert.is(saved.size, TRACE_NAMES.length, 'there is something to find again')
    await server.kill9()
    await server.start()
    for (const trace of saved) {
      const readers = await openReaders(trace)
      const { endContent } = loadTrace(trace)
      for (const reader of readers) {
        assert.ok((await reader.text()) === endContent, `${reader.version} finds ${trace} again`)
      }
      await running.close(readers)
    }
  },
)
