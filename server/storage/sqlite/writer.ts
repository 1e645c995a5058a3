/** The writing connection and what is written through it. Every method is one transaction and one sync. */
import { PlenumError } from '../../../shared/errors.js'
import type { StoredRevocation } from '../../space/catalogue.js'
import type { MemberChange } from '../../space/member-store.js'
import type { PassFailpoint } from '../failpoints.js'
import { decodeRowBatch } from '../row-batch.js'
import { prepareAppend } from './append-group.js'
import { prepareCatalogueWriter } from './catalogue-table.js'
import { assertSyncsEveryCommit, type Connection, isCorruption, openWritable } from './connection.js'
import { Journal } from './journal.js'
import { type LogTable, prepareLogTable } from './log-table.js'
import { endStays, prepareSaveMembers, pruneMembers } from './member-table.js'
import type { DatabaseStatus, JournalState } from './messages.js'
import { migrate, readStoreId } from './migrations.js'
import { type PruneChunk, type PruneCursor, pruneChunk } from './prune.js'
import { type PartToStore, prepareSnapshotParts } from './snapshot-parts.js'
import { readStatus } from './status.js'
import { prepareStoreSnapshot, type SnapshotToStore, type StoreSnapshotResult } from './store-snapshot.js'

export class Writer {
  readonly id: string
  /** What of the journal that was left could not be read, or null. */
  readonly damage: string | null
  readonly #db: Connection
  readonly #passFailpoint: PassFailpoint
  readonly #log: LogTable
  readonly #journal: Journal
  readonly #append: (batch: Uint8Array, nowMs: number) => void
  readonly #saveMembers: (changes: readonly MemberChange[], nowMs: number) => void
  readonly #catalogue: ReturnType<typeof prepareCatalogueWriter>
  /** What is remembered of where spaces end is not so any more. */
  readonly #forget: () => void
  readonly #storePart: (part: PartToStore) => number
  readonly #clearRubbish: () => boolean
  readonly #storeSnapshot: (snapshot: SnapshotToStore, nowMs: number) => StoreSnapshotResult

  /**
   * Opens, migrates and writes once, so that a disk that takes no write is known here.
   * @throws StartupError, or the SqliteError of the disk
   */
  constructor(database: string, passFailpoint: PassFailpoint, nowMs: number) {
    const db = openWritable(database)
    try {
      migrate(db, passFailpoint)
      db.prepare(`INSERT OR REPLACE INTO meta (key, value) VALUES ('opened_ms', ?)`).run(String(nowMs))
      assertSyncsEveryCommit(db)
      this.id = readStoreId(db)
      this.#db = db
      this.#passFailpoint = passFailpoint
      const log = prepareLogTable(db)
      this.#log = log
      this.#journal = new Journal(db, log, passFailpoint)
      this.damage = this.#journal.recover()
      const appender = prepareAppend(db, log, this.#journal)
      const append = db.transaction((batch: Uint8Array, nowMs: number) => {
        const done = appender.append(batch, nowMs)
        passFailpoint('append:before-commit')
        return done
      })
      this.#append = (batch, nowMs) => {
        try {
          append.immediate(batch, nowMs)()
        } catch (error) {
          appender.forget()
          throw error
        }
      }
      const saveMembers = db.transaction(prepareSaveMembers(db))
      this.#saveMembers = (changes, nowMs) => saveMembers.immediate(changes, nowMs)
      this.#catalogue = prepareCatalogueWriter(db)
      this.#forget = () => appender.forget()
      const parts = prepareSnapshotParts(db)
      const storePart = db.transaction(parts.store)
      this.#storePart = part => storePart.immediate(part)
      const clearRubbish = db.transaction(parts.clear)
      this.#clearRubbish = () => clearRubbish.immediate()
      const storeSnapshot = db.transaction(prepareStoreSnapshot(db, log, parts))
      this.#storeSnapshot = (snapshot, nowMs) => storeSnapshot.immediate(snapshot, nowMs)
    } catch (error) {
      closeQuietly(db)
      throw error
    }
  }

  /** @throws internal where no retry can help: wrong positions, or a damaged page where a row belongs */
  append(batch: Uint8Array, nowMs: number): void {
    try {
      this.#append(batch, nowMs)
    } catch (error) {
      if (!isCorruption(error)) throw error
      // Not `degraded`: the group would be tried for ever, and the spaces that are well wait with it.
      const spaces = decodeRowBatch(batch)
        .map(({ space }) => space)
        .join(', ')
      throw new PlenumError('internal', `the database is damaged where rows of these belong: ${spaces}`)
    }
    this.#passFailpoint('append:after-commit')
  }

  get journalState(): JournalState {
    if (this.#journal.isEmpty) return 'empty'
    return this.#journal.isFull ? 'full' : 'in-use'
  }

  /** @returns whether there is more of what waits */
  foldSome(): boolean {
    return this.#journal.foldSome()
  }

  /** Of one space, in a transaction of its own. */
  foldSpace(space: string): void {
    const fold = this.#db.transaction(() => this.#journal.foldSpace(space))
    if (this.#journal.lastOf(space) !== undefined) fold.immediate()()
  }

  foldAll(): void {
    this.#journal.foldAll()
  }

  /** @returns the snapshot's id */
  storePart(part: PartToStore): number {
    this.#passFailpoint('compaction:before-part')
    return this.#storePart(part)
  }

  /** Removes some of what is left of snapshots that are gone. @returns whether there was any */
  clearRubbish(): boolean {
    return this.#clearRubbish()
  }

  storeSnapshot(snapshot: SnapshotToStore, nowMs: number): StoreSnapshotResult {
    this.#passFailpoint('compaction:before-store')
    this.foldSpace(snapshot.space)
    const result = this.#storeSnapshot(snapshot, nowMs)
    this.#passFailpoint('compaction:after-store')
    return result
  }

  quarantine(space: string, reason: string): void {
    this.#db
      .prepare('UPDATE spaces SET quarantine = ? WHERE name = ? AND quarantine IS NULL')
      .run(reason, space)
  }

  saveMembers(changes: readonly MemberChange[], nowMs: number): void {
    this.#passFailpoint('members:before-save')
    this.#saveMembers(changes, nowMs)
  }

  deleteSpace(space: string, nowMs: number): void {
    this.#change(() => this.#catalogue.delete(space, nowMs))
  }

  /** @returns the generation */
  restoreSpace(space: string): number {
    return this.#change(() => this.#catalogue.restore(space))
  }

  createSpace(space: string, nowMs: number): { generation: number; isNew: boolean } {
    // What was appended before would be found after a crash, and be taken for the new one's.
    if (this.#log.idOf(space) !== undefined) this.foldAll()
    try {
      return this.#change(() => this.#catalogue.create(space, nowMs))
    } finally {
      this.#forget()
    }
  }

  revoke(revocation: StoredRevocation): void {
    this.#change(() => this.#catalogue.revoke(revocation))
  }

  reinstate(space: string | null, user: string): void {
    this.#change(() => this.#catalogue.reinstate(space, user))
  }

  /** A process opens the database: nobody is anywhere. */
  endStays(): void {
    this.#db.transaction(() => endStays(this.#db)).immediate()
  }

  /** @returns whether there may be more */
  pruneMembers(before: { leftBeforeMs: number; unwrittenBeforeMs: number }): boolean {
    return this.#db.transaction(() => pruneMembers(this.#db, before)).immediate()
  }

  prune(from: PruneCursor, beforeMs: number): PruneChunk {
    return this.#db.transaction(() => pruneChunk(this.#db, from, beforeMs)).immediate()
  }

  #change<Result>(change: () => Result): Result {
    return this.#db
      .transaction(() => {
        const result = change()
        this.#passFailpoint('catalogue:before-commit')
        return result
      })
      .immediate()
  }

  status(): DatabaseStatus {
    return readStatus(this.#db)
  }

  close(): void {
    try {
      this.foldAll()
    } catch {
      // Whoever opens the database next does it.
    }
    closeQuietly(this.#db)
  }
}

/** On a failing disk closing fails too; what is committed is safe and the next open recovers it. */
const closeQuietly = (db: Connection): void => {
  try {
    db.close()
  } catch {
    // Nothing can be done with this connection any more.
  }
}
