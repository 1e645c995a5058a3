/** One space is attacked on a server with engine threads; the others, and what it had before, are as they were. */
import { adverseEdits } from '../support/adverse-edits.js'
import { openPlainClient } from '../support/plain-client.js'
import { createRng } from '../support/rng.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { openSpace } from './open-space.js'
import { metric } from './server-figures.js'

const test = suite('isolation')

const BESIDE = ['beside/1', 'beside/2', 'beside/3', 'beside/4']
/** A batch of a few hundred takes longer than that. */
const TIMEOUT_MS = 150

let server: ServerProcess
test.before(async () => {
  server = await startServer({
    flags: ['--workers', '1', '--engine-timeout', String(TIMEOUT_MS), '--max-stuck', '2'],
  })
})
test.after(() => server.dispose())

const attackBy = async (space: string, edits: readonly Uint8Array[]) => {
  const attacker = await openPlainClient(`${server.syncUrl}/${space}`, await server.token('attacker', space))
  attacker.send({ type: 'step2', update: Uint8Array.of(0, 0) })
  for (const update of edits) attacker.send({ type: 'update', update })
  return attacker
}

test('[Q1] [Q2] [Q3] [Q6] what keeps a thread too long ends it, and costs nobody anything else', {
  timeoutMs: 90_000,
}, async () => {
  const books: Books = new Map()
  const writers = ['attacked', ...BESIDE].map(
    (space, i) => new LedgerWriter({ name: `writer of ${space}`, space, books, rng: createRng(i) }),
  )
  for (const writer of writers) {
    writer.connect(server.url, await server.token(writer.name, writer.space))
    for (let i = 0; i < 20; i++) writer.edit()
  }
  await Promise.all(writers.map(({ connection }) => connection.whenSaved()))

  const ended = () => metric(server, 'plenum_thread_restarts_total')
  for (let first = 10_000, attempts = 0; (await ended()) < 2 && attempts < 10; first += 10_000, attempts++) {
    const attacker = await attackBy('attacked', adverseEdits(4_000, first))
    // Told, one way or the other, for its last message.
    await Promise.race([
      attacker.closed,
      attacker.message('rejected'),
      attacker.message('saved', ({ count }) => count === 4_001),
      until('a thread was ended', async () => (await ended()) > attempts, 60_000),
    ])
    for (const writer of writers.slice(1)) writer.edit()
    attacker.terminate()
  }
  note(`${await ended()} threads were ended`)
  assert.ok((await ended()) > 0, 'the attack was too weak to be one')

  for (const writer of writers.slice(1)) {
    writer.edit()
    await writer.connection.whenSaved()
    assert.is(writer.connection.closed, null, `${writer.space} noticed`)
  }
  for (const [space, acknowledged] of books) {
    const { ids, connection } = await openSpace(server, space, { role: 'read' })
    const missing = [...acknowledged].filter(id => !ids.has(id))
    assert.equal(missing, [], space)
    connection.close()
  }
  for (const writer of writers) writer.close()
  assert.is((await server.stop()).code, 0)
})
