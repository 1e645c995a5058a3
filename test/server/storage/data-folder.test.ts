/** Opening a data folder: what is made, who may, and what is said when it cannot be. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StartupError, type StartupProblem } from '../../../server/storage/startup-error.js'
import { SqliteFolder } from '../../support/sqlite-folder.js'
import { startStoreProcess } from '../../support/store-process.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('data folder')

const isRefused = async (
  folder: SqliteFolder,
  problem: StartupProblem,
  message: RegExp,
  options: { mayCreate?: boolean } = {},
): Promise<void> => {
  try {
    await folder.open(options)
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    assert.is(error.problem, problem, error.message)
    assert.match(error.message, message)
    assert.not.match(error.message, /\n/)
    assert.ok(error.message.includes(folder.path), error.message)
    return
  }
  assert.unreachable('it opens')
}

test('[T15] a folder whose parent exists is made, for its owner alone', async () => {
  const folder = new SqliteFolder(join(temporaryFolder(), 'data'))
  await folder.open()
  assert.is(statSync(folder.path).mode & 0o777, 0o700)
  await folder.dispose()
})

test('[T15] a folder whose parent is missing is refused, and so is a file, and one below a file', async () => {
  const parent = temporaryFolder()
  const file = join(parent, 'file')
  writeFileSync(file, 'mine')
  await isRefused(new SqliteFolder(join(parent, 'a', 'b')), 'folder', /parent folder does not exist/)
  await isRefused(new SqliteFolder(file), 'folder', /is not a folder/)
  await isRefused(new SqliteFolder(join(file, 'data')), 'folder', /is not a folder/)
  assert.equal(readdirSync(parent), ['file'])
})

test('[T15] a folder without data is refused where data is expected', async () => {
  const folder = new SqliteFolder()
  await isRefused(folder, 'folder', /no database/, { mayCreate: false })
  assert.equal(readdirSync(folder.path), [])
})

test('[T15] a file that is not a database is refused and left as it was', async () => {
  const folder = new SqliteFolder()
  const content = Buffer.from('Dear diary, '.repeat(1000))
  writeFileSync(folder.database, content)
  await isRefused(folder, 'database', /not a Plenum database/)
  assert.equal(folder.read(), content)
})

test('[T15] another program’s database is refused and left as it was', async () => {
  const folder = new SqliteFolder()
  folder.behindItsBack(db => db.exec('CREATE TABLE customers (name TEXT); PRAGMA user_version = 1'))
  await isRefused(folder, 'database', /not a Plenum database/)
  const tables = folder.behindItsBack(db => db.prepare('SELECT name FROM sqlite_schema').pluck().all())
  assert.equal(tables, ['customers'])
})

test('[T16] a newer schema is refused and left as it was', async () => {
  const folder = new SqliteFolder()
  await (await folder.open()).close()
  folder.behindItsBack(db => db.pragma('user_version = 99'))
  await isRefused(folder, 'schema', /newer Plenum: schema 99, this one knows 5/)
  assert.is(
    folder.behindItsBack(db => db.pragma('user_version', { simple: true })),
    99,
  )
})

test('[T14] a second store of the same process is refused, and told which has it', async () => {
  const folder = new SqliteFolder()
  const store = await folder.open()
  await isRefused(folder, 'locked', new RegExp(`in use by another Plenum \\(pid ${process.pid}\\)`))
  await store.close()
  await folder.open()
  await folder.dispose()
})

test('[T14] another process is refused, and the lock ends with its holder, even by kill -9', async () => {
  const folder = new SqliteFolder()
  const holder = startStoreProcess({ dataDir: folder.path })
  assert.is(await holder.next(), 'opened')
  await isRefused(folder, 'locked', new RegExp(`pid ${holder.child.pid}\\)`))
  const [refusal] = await startStoreProcess({ dataDir: folder.path }).rest()
  assert.match(refusal ?? '', /^failed .* in use by another Plenum/)
  await holder.kill()
  await folder.open()
  await folder.dispose()
})

test('[T14] the lock hinders no one who only reads the database', async () => {
  const folder = new SqliteFolder()
  await folder.open()
  const db = new Database(folder.database, { readonly: true })
  assert.is(db.prepare('SELECT count(*) FROM spaces').pluck().get(), 0)
  db.close()
  await folder.dispose()
})

test('[T14] a folder that could not be opened is not locked', async () => {
  const folder = new SqliteFolder()
  writeFileSync(folder.database, 'x'.repeat(5000))
  await isRefused(folder, 'database', /not a Plenum database/)
  await isRefused(folder, 'database', /not a Plenum database/)
})

test('[T15] a lock file that is something else is named', async () => {
  const folder = new SqliteFolder()
  writeFileSync(join(folder.path, 'lock.sqlite'), 'y'.repeat(5000))
  await isRefused(folder, 'database', /lock/)
  assert.is(existsSync(folder.database), false)
})
