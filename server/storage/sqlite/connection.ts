/**
 * How a connection to the database is opened. The writing one syncs every commit: `synchronous` is set and
 * read back, because in WAL mode the library's own default silently becomes NORMAL, which syncs none.
 */
import Database from 'better-sqlite3'
import { StartupError } from '../startup-error.js'

export type Connection = Database.Database

const BUSY_TIMEOUT_MS = 5000
/** Small commits write whole pages to the log: the smallest usual page keeps them small. */
const PAGE_BYTES = 4096
/** 8 MiB of write-ahead log: a checkpoint then and its two syncs are paid once in many commits. */
const CHECKPOINT_PAGES = 2048
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
      db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
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
