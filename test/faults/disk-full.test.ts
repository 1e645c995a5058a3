/** A full disk under a real server: what is acknowledged stays, reading goes on, and writing comes back by itself. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createRng, seedFrom } from '../support/rng.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { openSpace } from './open-space.js'
import { codeOfReadyz } from './server-figures.js'
import { mountSmallDisk, type SmallDisk, whyNoSmallDisk } from './small-disk.js'

const test = suite('disk full')
const noDisk = whyNoSmallDisk()

const DISK_MEGABYTES = 8
const BALLAST_BYTES = 5 * 2 ** 20
const EDIT_CHARACTERS = 3_000
const SPACES = ['first', 'second']

let disk: SmallDisk
let server: ServerProcess
let books: Books
let writers: LedgerWriter[]

test.before.each(async () => {
  if (noDisk !== null) return
  disk = mountSmallDisk(DISK_MEGABYTES)
  server = await startServer({ dataDir: join(disk.path, 'data') })
  const cold = await openSpace(server, 'cold')
  cold.text.insert(0, 'read me')
  await cold.connection.whenSaved()
  cold.connection.close()
  await server.restart()
  disk.fill(BALLAST_BYTES)
  books = new Map()
  const rng = createRng(seedFrom())
  writers = SPACES.map(space => new LedgerWriter({ name: `writer-of-${space}`, space, books, rng }))
})
test.after.each(async () => {
  if (noDisk !== null) return
  for (const writer of writers) writer.close()
  await server.dispose()
  disk.unmount()
})

/** Writes until every writer is told that the disk takes no more, and a little longer. */
const writeUntilFull = async (): Promise<void> => {
  const degraded = new Set<LedgerWriter>()
  for (const writer of writers) {
    const connection = writer.connect(server.url, await server.token(writer.name, writer.space))
    connection.on('notice', ({ kind }) => {
      if (kind === 'degraded') degraded.add(writer)
    })
    await connection.whenSaved()
  }
  await until(
    'the disk is full and everybody knows',
    () => {
      for (const writer of writers) if (writer.open.size < 10) writer.edit(EDIT_CHARACTERS)
      return degraded.size === writers.length
    },
    20_000,
  )
  for (const writer of writers) writer.edit(EDIT_CHARACTERS)
}

const acknowledged = (): number => [...books.values()].reduce((sum, ids) => sum + ids.size, 0)

const expectNothingLost = async (): Promise<void> => {
  for (const [space, acknowledged] of books) {
    const { ids, connection } = await openSpace(server, space)
    assert.equal(
      [...acknowledged].filter(id => !ids.has(id)),
      [],
      `lost in ${space}`,
    )
    connection.close()
  }
}

const expectSoundDatabase = (): void => {
  const db = new Database(join(disk.path, 'data/plenum.sqlite'), { readonly: true })
  try {
    assert.is(db.pragma('integrity_check', { simple: true }), 'ok')
  } finally {
    db.close()
  }
}

test.skipIf(
  noDisk,
  '[F6] a full disk acknowledges nothing, serves what it has, and writes again when there is room',
  {
    timeoutMs: 60_000,
  },
  async () => {
    await writeUntilFull()
    assert.is(await codeOfReadyz(server), 'degraded')
    const before = acknowledged()
    assert.ok(before > 50, `only ${before} edits were acknowledged before the disk was full`)
    for (const { open, connection } of writers) {
      assert.ok(open.size > 0)
      assert.is(connection.saveState, 'saving')
    }

    const cold = await openSpace(server, 'cold')
    assert.is(cold.text.toString(), 'read me')
    assert.equal(cold.notices, ['degraded'])
    const empty = await openSpace(server, 'never-written')
    assert.is(empty.text.toString(), '')
    await expectNothingLost()
    assert.is(acknowledged(), before)

    disk.makeRoom()
    await Promise.all(writers.map(({ connection }) => connection.whenSaved()))
    assert.is(await codeOfReadyz(server), null)
    await until('the readers are told', () =>
      [cold, empty].every(({ notices }) => notices.at(-1) === 'recovered'),
    )
    for (const { open } of writers) assert.is(open.size, 0)
    for (const writer of writers) writer.edit(EDIT_CHARACTERS)
    await Promise.all(writers.map(({ connection }) => connection.whenSaved()))
    for (const { connection } of [cold, empty]) connection.close()

    await server.kill9()
    await server.start()
    await expectNothingLost()
    assert.equal(await server.stop(), { code: 0, signal: null })
    expectSoundDatabase()
    note(`${before} edits acknowledged when the disk was full, ${acknowledged()} in the end, 0 lost`)
  },
)

test.skipIf(
  noDisk,
  '[F6] killed while the disk is full, it has everything that it acknowledged',
  {
    timeoutMs: 60_000,
  },
  async () => {
    await writeUntilFull()
    await server.kill9()
    for (const writer of writers) await until('the writer knows', () => writer.connection.closed !== null)
    disk.makeRoom()
    await server.start()
    await expectNothingLost()
    for (const writer of writers) writer.connect(server.url, await server.token(writer.name, writer.space))
    await Promise.all(writers.map(({ connection }) => connection.whenSaved()))
    for (const { open } of writers) assert.is(open.size, 0)
    await server.stop()
    expectSoundDatabase()
  },
)
