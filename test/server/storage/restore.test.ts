/** Restoring a backup: only a sound one, only into a free folder, and never half. */
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { restoreFrom } from '../../../server/storage/restore.js'
import { StartupError, type StartupProblem } from '../../../server/storage/startup-error.js'
import { LoggedDocument, textOf } from '../../support/logged-document.js'
import { SqliteFolder } from '../../support/sqlite-folder.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('restore')

let folder: SqliteFolder
let notes: LoggedDocument
let backup: string
test.before.each(async () => {
  folder = new SqliteFolder()
  notes = new LoggedDocument('notes')
  backup = join(temporaryFolder(), 'backup.sqlite')
  const store = await folder.open()
  await store.append([{ space: notes.space, flushes: [notes.type('backed up')] }])
  await store.backup(backup)
  await store.append([{ space: notes.space, flushes: [notes.type(', and later')] }])
  await store.close()
})
test.after.each(() => folder.dispose())

const restore = (rollback = false) => restoreFrom(backup, { dataDir: folder.path, rollback })

const textThere = async (): Promise<string> => {
  const store = await folder.open()
  const text = textOf(await store.load(notes.space))
  await store.close()
  return text
}

const idThere = async (): Promise<string> => {
  const store = await folder.open()
  await store.close()
  return store.id
}

const isRefused = (problem: StartupProblem, message: RegExp): void => {
  const before = readdirSync(folder.path).filter(name => !/^lock|pid$|-wal$|-shm$/.test(name))
  try {
    restore()
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    assert.is(error.problem, problem, error.message)
    assert.match(error.message, message)
    const after = readdirSync(folder.path).filter(name => !/^lock|pid$|-wal$|-shm$/.test(name))
    assert.equal(after, before)
    return
  }
  assert.unreachable('it restores')
}

test('[T17] [T21] a restore brings the backup back, keeps the id and keeps what it replaced', async () => {
  const id = await idThere()
  const report = restore()
  assert.is(report.id, id)
  assert.equal(report.problems, [])
  assert.is(await textThere(), 'backed up')
  assert.is(await idThere(), id)
  const kept = new SqliteFolder(temporaryFolder())
  if (report.replaced === null) return assert.unreachable('nothing kept')
  for (const suffix of ['', '-wal']) {
    if (existsSync(report.replaced + suffix)) renameSync(report.replaced + suffix, kept.database + suffix)
  }
  const store = await kept.open()
  assert.is(textOf(await store.load(notes.space)), 'backed up, and later')
  await kept.dispose()
})

test('[T17] a rollback draws another id', async () => {
  const id = await idThere()
  const report = restore(true)
  assert.is.not(report.id, id)
  assert.is(await idThere(), report.id)
  assert.is(await textThere(), 'backed up')
})

test('[T21] a new folder takes a backup as well', async () => {
  const id = await idThere()
  const fresh = new SqliteFolder(join(temporaryFolder(), 'fresh'))
  const report = restoreFrom(backup, { dataDir: fresh.path, rollback: false })
  assert.equal(report, { id, replaced: null, problems: [] })
  const store = await fresh.open()
  assert.is(textOf(await store.load(notes.space)), 'backed up')
  await fresh.dispose()
})

test('[T21] while the folder is served nothing is restored', async () => {
  await folder.open()
  isRefused('locked', /in use by another Plenum/)
})

test('[T21] what is not a sound backup changes nothing', async () => {
  rmSync(backup)
  isRefused('database', /there is no backup at/)
  writeFileSync(backup, '')
  isRefused('database', /cannot be restored: it is empty/)
  writeFileSync(backup, 'not a database at all '.repeat(500))
  isRefused('database', /not a Plenum database|cannot be restored/)
  rmSync(backup)
  const foreign = new Database(backup)
  foreign.exec('CREATE TABLE customers (name TEXT)')
  foreign.close()
  isRefused('database', /not a Plenum database/)
  assert.is(await textThere(), 'backed up, and later')
})

test('[T21] a damaged, a newer and a live database are no backups', async () => {
  const whole = new SqliteFolder(join(backup, '..'))
  const bytes = whole.read('backup.sqlite')
  const damaged = Buffer.from(bytes)
  const pageBytes = damaged.readUInt16BE(16)
  damaged.fill(0xa5, pageBytes * 4, pageBytes * 5)
  writeFileSync(backup, damaged)
  isRefused('database', /cannot be restored/)
  writeFileSync(backup, bytes)
  const newer = new Database(backup)
  newer.pragma('user_version = 99')
  newer.close()
  isRefused('schema', /newer Plenum/)
  writeFileSync(backup, bytes)
  writeFileSync(`${backup}-wal`, 'more')
  isRefused('database', /in use, not a backup/)
  assert.is(await textThere(), 'backed up, and later')
})

test('[T21] a quarantine ends with a restore from before the damage', async () => {
  folder.behindItsBack(db => db.exec(`UPDATE log SET checksum = checksum + 1`))
  const store = await folder.open()
  assert.is.not((await store.load(notes.space)).quarantine, null)
  await store.close()
  restore()
  const again = await folder.open()
  assert.is((await again.load(notes.space)).quarantine, null)
})

test('[T21] damage of one space in a backup is told, and the others are restored', async () => {
  const db = new Database(backup)
  db.exec(`UPDATE log SET checksum = checksum + 1`)
  db.close()
  const { problems } = restore()
  assert.ok(problems.length > 0)
  assert.ok(problems.every(({ space }) => space === notes.space))
  const store = await folder.open()
  assert.is.not((await store.load(notes.space)).quarantine, null)
})

test('[T21] a restore that was decided is finished by the next to open the folder, wherever it stopped', async () => {
  const bytes = new SqliteFolder(join(backup, '..')).read('backup.sqlite')
  const restored = join(folder.path, 'restored.sqlite')
  const stops: (() => void)[] = [
    () => undefined,
    () => writeFileSync(`${folder.database}-wal`, 'a log that belongs to the replaced database'),
    () => renameSync(folder.database, join(folder.path, 'replaced-before.sqlite')),
  ]
  for (const stop of stops) {
    writeFileSync(restored, bytes)
    stop()
    assert.is(await textThere(), 'backed up')
    assert.is(existsSync(restored), false)
  }
})

test('[T21] one that was not decided leaves the database as it was', async () => {
  writeFileSync(join(folder.path, 'restoring.sqlite'), 'half a copy')
  assert.is(await textThere(), 'backed up, and later')
  restore()
  assert.is(await textThere(), 'backed up')
  assert.is(existsSync(join(folder.path, 'restoring.sqlite')), false)
})
