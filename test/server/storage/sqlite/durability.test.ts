/** What is on disk when `append` resolves: synced, whole, and there after any death. */
import { existsSync } from 'node:fs'
import { Writer } from '../../../../server/storage/sqlite/writer.js'
import { rejectsWithCode } from '../../../support/expect.js'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { startStoreProcess } from '../../../support/store-process.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite durability')

let folder: SqliteFolder
test.before.each(() => {
  folder = new SqliteFolder()
})
test.after.each(() => folder.dispose())

const words = (count: number): string => Array.from({ length: count }, (_, i) => `word ${i + 1} `).join('')

test('[T4] synchronous is FULL after writes, and again after a reopen and a restart', async () => {
  const notes = new LoggedDocument('notes')
  for (let life = 0; life < 2; life++) {
    const store = await folder.open()
    await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
    assert.is((await store.status()).synchronous, 2)
    await store.reopen()
    await store.append([{ space: notes.space, flushes: [notes.type('b')] }])
    assert.is((await store.status()).synchronous, 2)
    await store.close()
  }
  assert.is(
    folder.behindItsBack(db => db.pragma('journal_mode', { simple: true })),
    'wal',
  )
})

test('[T1] every append that was answered before a kill is there', async () => {
  for (const name of ['append:before-commit', 'append:after-commit'] as const) {
    const dying = new SqliteFolder()
    const failpoints = { [name]: { action: 'kill', skip: 7 } } as const
    const lines = await startStoreProcess({ dataDir: dying.path, failpoints, appends: 100 }).rest()
    const saved = lines.filter(line => line.startsWith('saved')).length
    assert.is(saved, 7)
    const stored = await (await dying.open()).load(new LoggedDocument('ledger').space)
    // After the commit and before the answer, it is there though nobody was told.
    const expected = name === 'append:after-commit' ? 8 : 7
    assert.is(stored.position, expected)
    assert.is(textOf(stored), words(expected))
    await dying.dispose()
  }
})

test('[T5] a group that was committed without an answer is there once', async () => {
  const notes = new LoggedDocument('notes')
  const store = await folder.open({ failpoints: { 'append:after-commit': { action: 'throw', times: 1 } } })
  const group = [{ space: notes.space, flushes: [notes.type('a'), notes.type('b')] }]
  await rejectsWithCode('degraded', store.append(group))
  await store.reopen()
  await store.append(group)
  assert.is(textOf(await store.load(notes.space)), 'ab')
  assert.is((await store.verify()).rows, 1)
})

test('[T7] a kill between a snapshot and its answer costs nothing', async () => {
  for (const name of ['compaction:before-store', 'compaction:after-store'] as const) {
    const dying = new SqliteFolder()
    const failpoints = { [name]: { action: 'kill' } } as const
    const task = { dataDir: dying.path, failpoints, appends: 5, compact: true }
    const lines = await startStoreProcess(task).rest()
    assert.is(lines.at(-1), 'saved 5')
    const store = await dying.open()
    const stored = await store.load(new LoggedDocument('ledger').space)
    assert.is(stored.snapshot?.position, name === 'compaction:after-store' ? 5 : undefined)
    assert.is(textOf(stored), words(5))
    assert.equal((await store.verify()).problems, [])
    await dying.dispose()
  }
})

test('[T16] a migration that a kill interrupts is begun anew', async () => {
  const failpoints = { 'migration:before-commit': { action: 'kill' } } as const
  const lines = await startStoreProcess({ dataDir: folder.path, failpoints }).rest()
  assert.equal(lines, [])
  assert.ok(existsSync(folder.database))
  const notes = new LoggedDocument('notes')
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  assert.is((await store.status()).schemaVersion, 2)
  assert.equal((await store.verify()).problems, [])
})

test('[T25] a database with another page size stays as it is, and serves', async () => {
  const notes = new LoggedDocument('notes')
  await (await folder.open()).close()
  folder.behindItsBack(db => db.exec('PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM'))
  const store = await folder.open()
  for (const word of ['one ', 'x'.repeat(5000)]) {
    await store.append([{ space: notes.space, flushes: [notes.type(word)] }])
  }
  assert.is((await store.compact(notes.space)).type, 'compacted')
  await store.append([{ space: notes.space, flushes: [notes.type(' end')] }])
  await store.close()
  assert.is(folder.read().readUInt16BE(16), 4096)
  const again = await folder.open()
  assert.is(textOf(await again.load(notes.space)), notes.text)
  assert.equal((await again.verify()).problems, [])
})

const rubbish = (): [number, number] =>
  folder.behindItsBack(db => {
    const count = (table: string): number =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    return [count('snapshot_parts'), count('snapshot_rubbish')]
  })

test('[T7] [T19] a large snapshot is stored in parts, and nothing is left of those that went', async () => {
  const big = new LoggedDocument('big')
  const store = await folder.open()
  const parts: number[] = []
  for (let i = 0; i < 4; i++) {
    await store.append([{ space: big.space, flushes: [big.type(`${i}`.repeat(500_000))] }])
    assert.is((await store.compact(big.space)).type, 'compacted')
    parts.push(rubbish()[0])
  }
  // The newest and the one before: of half a megabyte each more.
  assert.equal(parts, [1, 1 + 3, 3 + 5, 5 + 7])
  assert.is(rubbish()[1], 0)
  const stored = await store.load(big.space)
  assert.equal([stored.snapshot?.position, stored.tail.length], [4, 0])
  assert.is(textOf(stored), big.text)
  assert.equal((await store.verify()).problems, [])
})

test('[T7] a kill between the parts of a snapshot costs nothing, and what was stored of it goes', async () => {
  const big = new LoggedDocument('ledger')
  const bytes = big.type('x'.repeat(1_000_000))
  const prepared = await folder.open()
  await prepared.append([{ space: big.space, flushes: [bytes] }])
  await prepared.close()
  const failpoints = { 'compaction:before-part': { action: 'kill', skip: 2 } } as const
  await startStoreProcess({ dataDir: folder.path, failpoints, compact: true }).rest()
  assert.equal(rubbish(), [2, 1])
  const store = await folder.open()
  const stored = await store.load(big.space)
  assert.is(stored.snapshot, null)
  assert.is(textOf(stored), big.text)
  assert.is((await store.compact(big.space)).type, 'compacted')
  assert.equal(rubbish(), [3, 0])
  assert.is(textOf(await store.load(big.space)), big.text)
})

test('[T11] where a part of a snapshot is damaged, the one before and the log between serve', async () => {
  const big = new LoggedDocument('big')
  const store = await folder.open()
  for (let i = 0; i < 2; i++) {
    await store.append([{ space: big.space, flushes: [big.type(`${i}`.repeat(600_000))] }])
    await store.compact(big.space)
  }
  for (const change of [
    "UPDATE snapshot_parts SET payload = x'00' WHERE",
    'DELETE FROM snapshot_parts WHERE',
  ]) {
    folder.behindItsBack(db => db.exec(`${change} snapshot = 2 AND part = 1`))
    const stored = await store.load(big.space)
    assert.equal([stored.snapshot?.position, stored.tail.length, stored.quarantine], [1, 1, null])
    assert.is(textOf(stored), big.text)
    assert.match(
      (await store.verify()).problems.map(({ problem }) => problem).join(),
      'checksum does not match',
    )
  }
  assert.is((await store.compact(big.space)).type, 'compacted')
  assert.equal((await store.verify()).problems, [])
})

test('[T16] a folder of the first version is brought up to date, and keeps what it has', async () => {
  const notes = new LoggedDocument('notes')
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [notes.type('a')] }])
  await store.compact(notes.space)
  await store.append([{ space: notes.space, flushes: [notes.type('b')] }])
  await store.close()
  folder.behindItsBack(db =>
    db.exec(
      `DROP TRIGGER snapshot_stored; DROP TRIGGER snapshot_gone;
       DROP TABLE snapshot_parts; DROP TABLE snapshot_rubbish; PRAGMA user_version = 1`,
    ),
  )
  const again = await folder.open()
  assert.is((await again.status()).schemaVersion, 2)
  assert.is(textOf(await again.load(notes.space)), 'ab')
  assert.is((await again.compact(notes.space)).type, 'compacted')
  assert.is(textOf(await again.load(notes.space)), 'ab')
  assert.equal((await again.verify()).problems, [])
})

test('[T8] a snapshot of another generation, or older than the newest, is not stored', async () => {
  const notes = new LoggedDocument('notes')
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [notes.type('a'), notes.type('b')] }])
  await store.compact(notes.space)
  await store.append([{ space: notes.space, flushes: [notes.type('c')] }])
  await store.close()
  const writer = new Writer(folder.database, () => undefined, 0)
  const snapshot = {
    space: notes.space,
    generation: 0,
    position: 3,
    basePosition: 2,
    update: Uint8Array.of(0, 0),
    checksum: 1,
    parts: null,
    isRepair: false,
  }
  try {
    assert.is(writer.storeSnapshot({ ...snapshot, generation: 1 }, 0), 'superseded')
    assert.is(writer.storeSnapshot({ ...snapshot, position: 1 }, 0), 'superseded')
    assert.is(writer.storeSnapshot({ ...snapshot, space: 'unknown' }, 0), 'superseded')
    assert.is(writer.storeSnapshot({ ...snapshot, position: 2, isRepair: true }, 0), 'written-meanwhile')
    assert.is(writer.storeSnapshot(snapshot, 0), 'stored')
    assert.is(writer.storeSnapshot({ ...snapshot, isRepair: true }, 0), 'stored')
    assert.is(writer.storeSnapshot(snapshot, 0), 'superseded')
  } finally {
    writer.close()
  }
  assert.is((await (await folder.open()).load(notes.space)).generation, 1)
})
