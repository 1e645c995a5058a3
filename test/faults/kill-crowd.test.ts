/**
 * `kill -9` in the middle of a crowd: a room whose members type and hear everything, and among them writers who keep
 * books. A client that knows nothing must then find every edit that was ever acknowledged.
 */

import { stock } from '../../bench/dialects/stock.js'
import { atPace } from '../../bench/load/pace.js'
import { Room } from '../../bench/load/room.js'
import { remote } from '../../bench/targets/remote.js'
import { createRng, int, seedFrom } from '../support/rng.js'
import { startServer } from '../support/server-process.js'
import { assert, isLongRun, note, suite } from '../support/suite.js'
import { removeFolder, temporaryFolder } from '../support/temporary-folder.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { openSpace } from './open-space.js'

const test = suite('kill -9 in a crowd')

const DEATHS = isLongRun ? 20 : 2
const CLIENTS = isLongRun ? 100 : 30
const TYPISTS = isLongRun ? 20 : 8
const CHARACTERS_PER_SECOND = 20
const LEDGERS = 4
/** Longer than the server may live. */
const SECONDS = 20
const SPACE = 'crowd'

test(`[S1] ${DEATHS} deaths while ${CLIENTS} clients edit together: nothing acknowledged is lost`, {
  timeoutMs: isLongRun ? 600_000 : 90_000,
}, async () => {
  const rng = createRng(seedFrom())
  const dataDir = temporaryFolder('kill-crowd')
  const books: Books = new Map()
  let typed = 0
  for (let death = 1; death <= DEATHS; death++) {
    const server = await startServer({ dataDir, flags: ['--log-level', 'warn'] })
    const token = await server.token('crowd', SPACE)
    const target = remote({ url: server.syncUrl, token, pid: null, dialect: stock, spaceSuffix: () => '' })
    const running = await target.start()
    const room = await Room.open({
      server: running,
      space: SPACE,
      clients: CLIENTS,
      writers: TYPISTS,
      seed: death,
    })
    const writers = Array.from({ length: LEDGERS }, (_, i) => {
      return new LedgerWriter({ name: `w${death}.${i}`, space: SPACE, books, rng })
    })
    for (const writer of writers) writer.connect(server.url, await server.token(writer.name, SPACE))
    await Promise.all(writers.map(({ connection }) => connection.whenSynced()))

    const act = (typist: number, dueMs: number): void => {
      typed++
      if (room.members[typist]!.closedWith === null) room.type(typist, dueMs)
    }
    const over = new AbortController()
    const crowd = atPace({
      actors: TYPISTS,
      perSecond: CHARACTERS_PER_SECOND,
      seconds: SECONDS,
      act,
      signal: over.signal,
    })
    const writing = writers.map(writer => writer.write())
    await acknowledgements(writers, int(rng, 20, 120))
    await server.kill9()
    await Promise.all(writing)
    room.close()
    for (const writer of writers) writer.close()
    over.abort()
    await crowd

    await server.start()
    const { ids, connection, doc } = await openSpace(server, SPACE, { user: 'fresh', role: 'read' })
    const lost = [...(books.get(SPACE) ?? [])].filter(id => !ids.has(id))
    assert.equal(lost, [])
    connection.close()
    doc.destroy()
    await server.dispose()
  }
  const acknowledged = books.get(SPACE)?.size ?? 0
  note(`${DEATHS} deaths, ${acknowledged} edits acknowledged, 0 lost, beside ${typed} of the crowd`)
  assert.ok(acknowledged > DEATHS * 20, 'the writers wrote')
  removeFolder(dataDir)
})

/** Resolves after so many. */
const acknowledgements = (writers: readonly LedgerWriter[], wanted: number): Promise<void> =>
  new Promise(resolve => {
    let count = 0
    for (const { connection } of writers) {
      connection.on('saved', () => {
        if (++count === wanted) resolve()
      })
    }
  })
