/** Opening a data folder: of any age and size. */
import { readFileSync } from 'node:fs'
import { platform } from 'node:os'
import { LoggedDocument, textOf } from '../../../support/logged-document.js'
import { SqliteFolder } from '../../../support/sqlite-folder.js'
import { assert, suite } from '../../../support/suite.js'

const test = suite('sqlite opening')

let folder: SqliteFolder
test.before.each(() => {
  folder = new SqliteFolder()
})
test.after.each(() => folder.dispose())

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
       DROP TABLE snapshot_parts; DROP TABLE snapshot_rubbish; DROP TABLE members;
       DROP TABLE revocations; DROP TABLE journal; ALTER TABLE spaces DROP COLUMN deleted_ms; PRAGMA user_version = 1`,
    ),
  )
  const again = await folder.open()
  assert.is((await again.status()).schemaVersion, 5)
  assert.is(textOf(await again.load(notes.space)), 'ab')
  assert.is((await again.compact(notes.space)).type, 'compacted')
  assert.is(textOf(await again.load(notes.space)), 'ab')
  assert.equal((await again.verify()).problems, [])
})

/** What this process has read so far, from files and elsewhere. */
const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

test.skipIf(
  platform() === 'linux' ? null : 'only Linux tells what a process has read',
  '[T26] a folder with many spaces is opened as one with few',
  async () => {
    const bytesToOpen = async (): Promise<number> => {
      const before = bytesRead()
      await (await folder.open()).close()
      return bytesRead() - before
    }
    const fill = (spaces: number): void =>
      folder.behindItsBack(db => {
        const space = db.prepare('INSERT INTO spaces (name, created_ms) VALUES (?, 0)')
        const row = db.prepare('INSERT INTO log VALUES (?, 1, 1, 0, 0, zeroblob(100))')
        const insert = db.transaction(() => {
          for (let i = 0; i < spaces; i++) row.run(space.run(`${spaces}/${i}`).lastInsertRowid)
        })
        insert()
      })
    await bytesToOpen()
    fill(10)
    const few = await bytesToOpen()
    fill(20_000)
    assert.ok(folder.read().length > 3_000_000)
    const many = await bytesToOpen()
    assert.ok(many < few + 100_000, `${few} bytes with few, ${many} with many`)
  },
)
