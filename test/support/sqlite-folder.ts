/** A data folder for one test, the stores opened on it, and what a test does to its files behind their back. */
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
} from '../../server/storage/sqlite/sqlite-store.js'
import { RecordingObserver } from './recording-observer.js'
import { removeFolder, temporaryFolder } from './temporary-folder.js'

/** Where the header of a SQLite file says how large its pages are. */
const PAGE_SIZE_OFFSET = 16

export class SqliteFolder {
  readonly path: string
  readonly observer = new RecordingObserver()
  /** The wall clock of every store opened here. */
  nowMs = Date.UTC(2030, 0, 1)
  readonly #stores: SqliteStore[] = []

  constructor(path: string = temporaryFolder('store')) {
    this.path = path
  }

  get database(): string {
    return join(this.path, 'plenum.sqlite')
  }

  async open(options: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore> {
    const { observer, path } = this
    const store = await openSqliteStore({ dataDir: path, now: () => this.nowMs, observer, ...options })
    this.#stores.push(store)
    return store
  }

  /** Opens the database without Plenum: only while no store is open. */
  behindItsBack<Result>(action: (db: Database.Database) => Result): Result {
    const db = new Database(this.database)
    try {
      return action(db)
    } finally {
      db.close()
    }
  }

  /** Overwrites a page of the file with noise, as a dying disk does. Pages count from 1. */
  damagePage(page: number): void {
    const size = this.read().readUInt16BE(PAGE_SIZE_OFFSET)
    const file = openSync(this.database, 'r+')
    try {
      writeSync(file, Buffer.alloc(size, 0xa5), 0, size, (page - 1) * size)
    } finally {
      closeSync(file)
    }
  }

  /** The database as it is, or another file of the folder. */
  read(name = 'plenum.sqlite'): Buffer {
    return readFileSync(join(this.path, name))
  }

  write(database: Buffer): void {
    for (const suffix of ['-wal', '-shm']) rmSync(this.database + suffix, { force: true })
    writeFileSync(this.database, database)
  }

  async dispose(): Promise<void> {
    for (const store of this.#stores) await store.close()
    removeFolder(this.path)
  }
}
