/** Large snapshots are stored in parts: they count when they are whole, and leave nothing behind. */
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { startStoreProcess } from '../../../support/store-process.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite snapshot parts')

let folder: SqliteFolder
test.before.each(() => {
  folder = new SqliteFolder()
})
test.after.each(() => folder.dispose())

/** How many parts there are, and how many snapshots have some that do not count. */
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
