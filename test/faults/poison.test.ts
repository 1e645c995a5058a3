/** A stored state that does not load as what it was: found by a compaction, and repaired under a real server. */
import { openPlainClient } from '../support/plain-client.js'
import { poisonBy } from '../support/poison.js'
import { createRng } from '../support/rng.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { openSpace } from './open-space.js'
import { metric } from './server-figures.js'

const test = suite('poison')

let server: ServerProcess
test.before(async () => {
  server = await startServer()
})
test.after(() => server.dispose())

test('[F13] a poison that spoils the stored state costs its space nothing but the poison', async () => {
  const { entry, sting } = poisonBy(42)
  const space = 'poisoned'
  const books: Books = new Map()
  const writer = new LedgerWriter({ name: 'writer', space, books, rng: createRng(1) })
  writer.connect(server.url, await server.token('writer', space))
  const beside = await openSpace(server, 'beside')
  const attacker = await openPlainClient(`${server.syncUrl}/${space}`, await server.token('attacker', space))
  attacker.send({ type: 'step2', update: Uint8Array.of(0, 0) })
  attacker.send({ type: 'update', update: entry })
  // In one flush with the other half it would be harmless.
  await attacker.message('saved', ({ count }) => count === 2)
  attacker.send({ type: 'update', update: sting })
  await attacker.message('saved', ({ count }) => count === 3)
  // Until a compaction, which loads again what it is about to store.
  await writer.write(2_500)
  assert.is(writer.connection.closed?.code, 4500)
  attacker.terminate()
  await until('the space is repaired', async () => (await metric(server, 'plenum_repairs_total')) === 1)
  beside.ids.set('beside', true)
  await beside.connection.whenSaved()
  assert.is(beside.connection.closed, null)

  for (const isRestarted of [false, true]) {
    if (isRestarted) await server.restart()
    const fresh = await openSpace(server, space)
    assert.is.not(fresh.connection.welcome?.incarnation, writer.connection.welcome?.incarnation)
    const acknowledged = [...(books.get(space) ?? [])]
    assert.ok(acknowledged.length > 10)
    assert.equal(
      acknowledged.filter(id => !fresh.ids.has(id)),
      [],
    )
    assert.ok(fresh.doc.getMap('t').has('l'), 'what is harmless alone stays')
    fresh.text.insert(0, 'it goes on')
    await fresh.connection.whenSaved()
    fresh.connection.close()
  }
})
