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

test('[X15] a decision that fails changes nothing, and may be made again', async () => {
  const { space } = new LoggedDocument('notes')
  const failpoints = { 'catalogue:before-commit': { action: 'throw', times: 1 } } as const
  const { catalogue } = await folder.open({ failpoints })
  await rejectsWithCode('degraded', catalogue.delete(space, 1_000))
  assert.is(await catalogue.find(space), null)
  await catalogue.delete(space, 2_000)
  assert.is((await catalogue.find(space))?.deletedAtMs, 2_000)
})

test('[X15] decisions are made though nobody has appended since the thread that writes died', async () => {
  const notes = new LoggedDocument('notes')
  const { space } = notes
  const store = await folder.open({ failpoints: { 'append:before-commit': { action: 'exit', times: 1 } } })
  await rejectsWithCode('degraded', store.append([{ space, flushes: [notes.type('a')] }]))
  await store.catalogue.revoke({ space, user: 'eve', atMs: 1_000 })
  assert.is((await store.catalogue.revocations()).length, 1)
  assert.is((await store.status()).synchronous, 2)
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
  assert.is((await store.status()).schemaVersion, 5)
  assert.equal((await store.verify()).problems, [])
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
