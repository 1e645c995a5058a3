/**
 * Real input: recordings of people writing, typed keystroke by keystroke by released stock clients through a real
 * server, all three at the same time, each in a space of its own, while a reader of each version follows.
 */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { connectSpace } from '../client/index.js'
import { type ServerProcess, startServer } from './support/server-process.js'
import { playTogether, type StockClient } from './support/stock-client.js'
import { STOCK_VERSIONS, type StockVersion } from './support/stock-client-calls.js'
import { assert, isLongRun, note, suite } from './support/suite.js'
import { SyncedClients } from './support/synced-clients.js'
import { loadTrace, TRACE_NAMES, type TraceName, whyNoTraces } from './support/trace.js'
import { TURN_CLIENT_IDS, turnsOf } from './support/trace-turns.js'

const test = suite('traces')
const skipReason = whyNoTraces()
const TIMEOUT_MS = 150_000

interface Typing {
  readonly space: string
  readonly clients: readonly StockClient[]
  readonly seconds: number
}

let server: ServerProcess
const running = new SyncedClients(() => server)
/** Spaces whose clients have all ended with what was recorded. */
const proven = new Map<string, TraceName>()
const inTheUsualRun = new Map<TraceName, Promise<Typing>>()

const openReaders = (space: string): Promise<StockClient[]> =>
  Promise.all(STOCK_VERSIONS.map(version => running.open({ version, space }, 'read')))

/** The recording of one author, typed by a client of this version. */
const typeAlone = async (trace: TraceName, version: StockVersion): Promise<Typing> => {
  const space = `${trace}/${version}`
  const readers = await openReaders(space)
  const author = await running.open({ version, space }, 'write')
  const startedMs = performance.now()
  await author.replay(trace)
  return { space, clients: [author, ...readers], seconds: (performance.now() - startedMs) / 1000 }
}

/** The recording of two authors, typed by two clients at the same time, each on what its author saw. */
const typeTogether = async (versions: readonly [StockVersion, StockVersion]): Promise<Typing> => {
  const space = `friendsforever/${versions.join('+')}`
  const turns = turnsOf(loadTrace('friendsforever'))
  const readers = await openReaders(space)
  const authors = await Promise.all([
    running.open({ version: versions[0], space, clientId: TURN_CLIENT_IDS[0] }, 'write'),
    running.open({ version: versions[1], space, clientId: TURN_CLIENT_IDS[1] }, 'write'),
  ])
  const startedMs = performance.now()
  await playTogether(authors, turns)
  return { space, clients: [...authors, ...readers], seconds: (performance.now() - startedMs) / 1000 }
}

const endsAsRecorded = async (trace: TraceName, { space, clients, seconds }: Typing): Promise<void> => {
  const { endContent, txns } = loadTrace(trace)
  await Promise.all(clients.map(client => client.untilText(endContent)))
  note(`${space}: ${txns.length} keystrokes in ${seconds.toFixed(1)} s`)
  const states = await Promise.all(clients.map(client => client.state()))
  for (const [i, client] of clients.entries()) {
    assert.ok((await client.text()) === endContent, `${client.version} ends with endContent`)
    assert.is(states[i]?.isPending, false)
    assert.equal(states[i]?.closes, [], 'no connection was lost on the way')
    assert.is(states[i]?.snapshotHash, states[0]?.snapshotHash, 'equal state vectors and delete sets')
  }
  await running.close(clients)
  proven.set(space, trace)
}

/** What a space holds now is on disk when this resolves: a fresh connection's reply is acknowledged behind it. */
const untilDurable = async (space: string, content: string): Promise<void> => {
  const doc = new Y.Doc()
  const token = await server.token('observer')
  const connection = connectSpace({ url: server.url, space, token, doc, WebSocket })
  await connection.whenSynced()
  assert.ok(doc.getText('text').toString() === content, 'the observer is synced with endContent')
  await connection.whenSaved()
  connection.close()
}

test.before(async () => {
  server = await startServer()
  inTheUsualRun.set('automerge-paper', typeAlone('automerge-paper', '3.1.0'))
  inTheUsualRun.set('sveltecomponent', typeAlone('sveltecomponent', '2.1.0'))
  inTheUsualRun.set('friendsforever', typeTogether(['3.0.0', '2.1.0']))
  // Each is awaited by its own test; until then its failure is nobody else's.
  for (const typing of inTheUsualRun.values()) typing.catch(() => {})
})

test.after(async () => {
  await running.close()
  await server.dispose()
})

for (const trace of TRACE_NAMES) {
  const rule = trace === 'friendsforever' ? 'C2' : 'C1'
  test.skipIf(
    skipReason,
    `[${rule}] ${trace} ends as recorded on clients of every stock version`,
    { timeoutMs: TIMEOUT_MS },
    async () => endsAsRecorded(trace, (await inTheUsualRun.get(trace)) as Typing),
  )
}

/** Every other pairing of a trace and the version that types it. */
const registerLongRun = (): void => {
  for (const trace of ['automerge-paper', 'sveltecomponent'] as const) {
    for (const version of STOCK_VERSIONS) {
      if (version === (trace === 'automerge-paper' ? '3.1.0' : '2.1.0')) continue
      test.skipIf(
        skipReason,
        `[C1] ${trace} typed by ${version} ends as recorded on clients of every stock version`,
        { timeoutMs: TIMEOUT_MS },
        async () => endsAsRecorded(trace, await typeAlone(trace, version)),
      )
    }
  }
  for (const [i, version] of STOCK_VERSIONS.entries()) {
    const versions = [version, STOCK_VERSIONS[(i + 1) % STOCK_VERSIONS.length] as StockVersion] as const
    test.skipIf(
      skipReason,
      `[C2] friendsforever typed by ${versions.join(' and ')} ends as recorded on clients of every stock version`,
      { timeoutMs: TIMEOUT_MS },
      async () => endsAsRecorded('friendsforever', await typeTogether(versions)),
    )
  }
}
if (isLongRun) registerLongRun()

test.skipIf(
  skipReason,
  '[C3] after kill -9 a fresh client of every stock version gets the same text',
  { timeoutMs: TIMEOUT_MS },
  async () => {
    assert.ok(proven.size >= TRACE_NAMES.length, 'there is something to find again')
    for (const [space, trace] of proven) await untilDurable(space, loadTrace(trace).endContent)
    await server.kill9()
    await server.start()
    for (const [space, trace] of proven) {
      const { endContent } = loadTrace(trace)
      const readers = await openReaders(space)
      for (const reader of readers) {
        assert.ok((await reader.text()) === endContent, `${reader.version} finds ${space} again`)
      }
      await running.close(readers)
    }
  },
)
