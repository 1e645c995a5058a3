/**
 * The exclusive lock on a data folder: an open EXCLUSIVE transaction on a SQLite file of its own, which the
 * operating system releases when the process dies, whatever kills it. Nothing else may open that file.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { DataFolder } from './data-folder.js'
import { StartupError } from './startup-error.js'

export interface FolderLock {
  /** Idempotent. */
  release(): void
}

/** @throws StartupError `locked` where another process, or another store of this one, holds it */
export const lockFolder = (folder: DataFolder): FolderLock => {
  let lock: Database.Database | undefined
  try {
    lock = new Database(folder.lock, { timeout: 0 })
    // In any other journal mode an exclusive transaction would let a second one begin.
    lock.pragma('journal_mode = DELETE')
    lock.exec('BEGIN EXCLUSIVE')
    writeFileSync(folder.pid, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    lock?.close()
    throw lockProblem(folder, error)
  }
  const held = lock
  return { release: () => void held.close() }
}

const lockProblem = (folder: DataFolder, error: unknown): StartupError => {
  const code = (error as { code?: string }).code ?? ''
  if (code.startsWith('SQLITE_BUSY')) {
    return new StartupError('locked', `${folder.path} is in use by another Plenum${holder(folder)}`, {
      cause: error,
    })
  }
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new StartupError('database', `${folder.lock} is not Plenum's lock file`, { cause: error })
  }
  return new StartupError(
    'folder',
    `the data folder ${folder.path} cannot be written: ${(error as Error).message}`,
    {
      cause: error,
    },
  )
}

const holder = (folder: DataFolder): string => {
  try {
    const pid = readFileSync(folder.pid, 'utf8').trim()
    return /^\d+$/.test(pid) ? ` (pid ${pid})` : ''
  } catch {
    return ''
  }
}
