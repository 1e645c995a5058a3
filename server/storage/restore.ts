/**
 * Putting a backup in place of the database, offline. Everything is prepared in a copy beside it; one rename
 * decides, and whatever is interrupted after that is finished by whoever opens the folder next.
 */

import { randomUUID } from 'node:crypto'
import { constants, copyFileSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { type DataFolder, dataFolder, finishRestore, makeDataFolder, syncFile } from './data-folder.js'
import { lockFolder } from './folder-lock.js'
import { Journal } from './sqlite/journal.js'
import { prepareLogTable } from './sqlite/log-table.js'
import { checkSchema, migrate, readStoreId } from './sqlite/migrations.js'
import { structureProblems, type VerifyProblem, verifyDatabase } from './sqlite/verify.js'
import { StartupError } from './startup-error.js'

export interface RestoreOptions {
  readonly dataDir: string
  /**
   * Draws a new id: clients that hold later changes stop instead of bringing them back. Without it they heal
   * what the backup lacks.
   */
  readonly rollback: boolean
}

export interface RestoreReport {
  readonly id: string
  /** Where the database that was there is now, or null where there was none. */
  readonly replaced: string | null
  /** Damage in the backup: each of these spaces is restored as far as it can be read, and read-only. */
  readonly problems: readonly VerifyProblem[]
}

/**
 * Verifies the backup first and changes nothing where it is not sound.
 * @throws StartupError `locked` while a server runs, `database` or `schema` for a file that cannot be restored
 */
export const restoreFrom = (path: string, { dataDir, rollback }: RestoreOptions): RestoreReport => {
  const backup = resolve(path)
  const folder = dataFolder(dataDir)
  expectBackup(backup)
  makeDataFolder(folder)
  const lock = lockFolder(folder)
  const copy = join(folder.path, 'restoring.sqlite')
  try {
    finishRestore(folder)
    rmSync(copy, { force: true })
    copyFileSync(backup, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    const { id, problems } = prepareCopy(copy, backup, rollback)
    decide(folder, copy)
    return { id, replaced: finishRestore(folder), problems }
  } finally {
    rmSync(copy, { force: true })
    lock.release()
  }
}

interface PreparedCopy {
  readonly id: string
  readonly problems: readonly VerifyProblem[]
}

/**
 * Marks of quarantine are cleared: what is still damaged is found again when it is loaded.
 * @throws StartupError where the whole cannot be used
 */
const prepareCopy = (copy: string, backup: string, rollback: boolean): PreparedCopy => {
  const unusable = (why: string, cause?: unknown): StartupError =>
    new StartupError('database', `the backup ${backup} cannot be restored: ${why}`, { cause })
  const db = new Database(copy)
  try {
    if (checkSchema(db) === 0) throw unusable('it is empty')
    const [problem] = structureProblems(db)
    if (problem !== undefined) throw unusable(problem)
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    migrate(db, () => undefined)
    new Journal(db, prepareLogTable(db)).recover()
    db.exec('UPDATE spaces SET quarantine = NULL')
    if (rollback) db.prepare(`UPDATE meta SET value = ? WHERE key = 'id'`).run(randomUUID())
    return { id: readStoreId(db), problems: verifyDatabase(db).problems }
  } catch (error) {
    if (error instanceof StartupError) throw error
    throw unusable((error as Error).message, error)
  } finally {
    db.close()
  }
}

/** A file copy of a live database lacks what is in the log beside it, and would be taken for whole. */
const expectBackup = (backup: string): void => {
  if (!existsSync(backup)) throw new StartupError('database', `there is no backup at ${backup}`)
  if (existsSync(`${backup}-wal`)) {
    throw new StartupError(
      'database',
      `${backup} is a database in use, not a backup: ${backup}-wal is beside it`,
    )
  }
}

const decide = (folder: DataFolder, copy: string): void => {
  syncFile(copy)
  renameSync(copy, folder.restored)
  syncFile(folder.path)
}
