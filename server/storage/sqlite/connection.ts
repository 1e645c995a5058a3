/**
 * How a connection to the database is opened. The writing one syncs every commit: `synchronous` is set and
 * read back, because in WAL mode the library's own default silently becomes NORMAL, which syncs none.
 */
import Database from 'better-sqlite3'
import { StartupError } from '../startup-error.js'

export type Connection = Database.Database

const BUSY_TIMEOUT_MS = 5000
/**
 * Of a new database; one that is there keeps its own. A commit of a few edits writes whole pages to the log: small
 * ones write half as much. Large snapshots cost the writing thread somewhat more, and are rare.
 */
const PAGE_BYTES = 1024
/** So much write-ahead log makes a checkpoint and its two syncs rare, and is read again quickly after a crash. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024
/** For the pages that spaces append to: with a thousand of them active they are all written again and again. */
const CACHE_KIBIBYTES = 8 * 1024
const KEPT_WAL_BYTES = 64 * 1024 * 1024
const SYNCHRONOUS_FULL = 2

/** @throws StartupError where the file is no database */
export const openWritable = (file: string): Connection =>
  opening(file, () => {
    const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      db.pragma(`page_size = ${PAGE_BYTES}`)
      db.pragma('journal_mode = WAL')
      db.pragma('synchronous = FULL')
      const pageBytes = db.pragma('page_size', { simple: true }) as number
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_BYTES / pageBytes}`)
      db.pragma(`cache_size = -${CACHE_KIBIBYTES}`)
      db.pragma(`journal_size_limit = ${KEPT_WAL_BYTES}`)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })

/** A connection that never writes. @throws StartupError where the file is no database */
export const openReadable = (file: string): Connection =>
  opening(file, () => new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS }))

/** Call it after a write: only then has the journal mode taken effect. @throws Error */
export const assertSyncsEveryCommit = (db: Connection): void => {
  const synchronous = db.pragma('synchronous', { simple: true })
  const mode = db.pragma('journal_mode', { simple: true })
  if (synchronous !== SYNCHRONOUS_FULL || mode !== 'wal') {
    throw new Error(`commits are not synced: synchronous=${synchronous}, journal_mode=${mode}`)
  }
}

/** Whether the error says that stored bytes are damaged, not that reading failed this time. */
export const isCorruption = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
}

const opening = (file: string, open: () => Connection): Connection => {
  try {
    return open()
  } catch (error) {
    if (isCorruption(error)) {
      throw new StartupError('database', `${file} is not a Plenum database, or is damaged`, { cause: error })
    }
    throw error
  }
}
