/**
 * The store that one machine needs: a SQLite file, and a thread each for writing, loading and long work. The
 * writer alone changes the file; every commit is one group and one sync. The folder's lock is held throughout.
 */
import { statSync } from 'node:fs'
import { PlenumError } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import type { Catalogue } from '../../space/catalogue.js'
import type { MemberStore } from '../../space/member-store.js'
import type { Observer } from '../../space/observer.js'
import type {
  CompactionOutcome,
  Delivery,
  LogEntry,
  StoredSpace,
  UpdateStore,
} from '../../space/update-store.js'
import { mergeDeliveries } from '../attribution.js'
import {
  type DataFolder,
  dataFolder,
  expectDataFolder,
  finishRestore,
  makeDataFolder,
  syncFile,
} from '../data-folder.js'
import type { Failpoints } from '../failpoints.js'
import { type FolderLock, lockFolder } from '../folder-lock.js'
import { decodeRow, encodeRows } from '../log-row.js'
import { decodeRowBatch, encodeRowBatch } from '../row-batch.js'
import { StartupError } from '../startup-error.js'
import type { AttributionChunk, AttributionRequest } from './attribution-table.js'
import { compactSpace } from './compact-space.js'
import type { DatabaseStatus, ReaderExchanges, WriterExchanges } from './messages.js'
import { PRUNE_START, type PruneCursor } from './prune.js'
import type { VerifyReport } from './verify.js'
import { closeConnections, createWorkers, endLongWork, type Workers } from './workers.js'

export const DEFAULT_RETENTION_MS = 30 * 24 * 60 * 60 * 1000
export const DEFAULT_COMPACTION_TIMEOUT_MS = 5 * 60 * 1000
const LIST_LIMIT = 1000
export const DEFAULT_MEMBER_RETENTION_MS = 30 * 24 * 60 * 60 * 1000
/** How long who was in a space that nobody has written in is kept at most. */
const UNWRITTEN_RETENTION_MS = 24 * 60 * 60 * 1000
/** Log rows that are read for attribution before a load may pass. */
const ATTRIBUTION_ROWS = 200

export interface SqliteStoreOptions {
  readonly dataDir: string
  /** Wall clock in milliseconds: when rows and snapshots were written. */
  readonly now: () => number
  readonly observer: Observer
  /** Whether a missing folder or database is made; true by default. */
  readonly mayCreate?: boolean
  /** How long log rows are kept once a snapshot covers them. */
  readonly retentionMs?: number
  /** How long members who left are kept. */
  readonly memberRetentionMs?: number
  /** A compaction that takes longer is ended, its thread with it. */
  readonly compactionTimeoutMs?: number
  readonly failpoints?: Failpoints
}

export interface SqliteStatus extends DatabaseStatus {
  readonly id: string
  readonly dataDir: string
  readonly walBytes: number
}

/**
 * Locks the folder, opens the database and brings its schema up to date.
 * @throws StartupError with one line for the operator
 */
export const openSqliteStore = async (options: SqliteStoreOptions): Promise<SqliteStore> => {
  const folder = dataFolder(options.dataDir)
  const mayCreate = options.mayCreate ?? true
  if (mayCreate) makeDataFolder(folder)
  else expectDataFolder(folder)
  const lock = lockFolder(folder)
  const workers = createWorkers(folder, options.failpoints ?? {})
  try {
    const replaced = finishRestore(folder)
    if (replaced !== null) options.observer.report('info', 'restored a backup', { replaced })
    const { id, damage } = await workers.writer.call('open', { nowMs: options.now() })
    if (damage !== null) reportJournal(options.observer, damage)
    syncFile(folder.path)
    return new SqliteStore({ ...options, id, folder, lock, workers })
  } catch (error) {
    await workers.writer.terminate()
    lock.release()
    if (error instanceof StartupError) throw error
    throw new StartupError(
      'folder',
      `the database in ${folder.path} cannot be opened: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

const reportJournal = (observer: Observer, damage: string): void =>
  observer.report('error', 'the journal is damaged: the last edits of some spaces may be missing', { damage })

interface SqliteStoreParts extends SqliteStoreOptions {
  readonly id: string
  readonly folder: DataFolder
  readonly lock: FolderLock
  readonly workers: Workers
}

export class SqliteStore implements UpdateStore {
  readonly id: string
  readonly #parts: SqliteStoreParts
  readonly #underWay = new Set<Promise<unknown>>()
  #lastCompaction: Promise<unknown> = Promise.resolve()
  #folding: Promise<void> | null = null
  #closing: Promise<void> | null = null

  /** Use `openSqliteStore`. */
  constructor(parts: SqliteStoreParts) {
    this.id = parts.id
    this.#parts = parts
  }

  /** Loads will come: whoever is first should not wait for a thread to begin. */
  expectLoads(): void {
    this.#parts.workers.reader.begin()
  }

  load(space: SpaceName): Promise<StoredSpace> {
    return this.#run('load_failed', async () => {
      const stored = await this.#parts.workers.reader.call('load', { space })
      if (stored.damage !== null) {
        this.#parts.observer.report('error', 'stored bytes are damaged', { space, damage: stored.damage })
      }
      if (stored.quarantine !== null && !stored.isQuarantineKept)
        this.#keepQuarantine(space, stored.quarantine)
      const { generation, position, snapshot, quarantine, isDeleted } = stored
      const tail = decodeRowBatch(stored.rows).flatMap(decodeRow)
      return { generation, position, snapshot, tail, quarantine, isDeleted }
    })
  }

  append(group: readonly LogEntry[]): Promise<void> {
    return this.#run('degraded', async () => {
      const rows = encodeRowBatch(encodeRows(group))
      const { workers, now } = this.#parts
      if (!workers.writer.isRunning) throw new Error('the writer is not running')
      const journal = await workers.writer.call('append', { rows, nowMs: now() }, { transfer: [rows.buffer] })
      if (journal === 'full') void this.#foldJournal()
    })
  }

  reopen(): Promise<void> {
    return this.#run('degraded', async () => {
      const { now, observer, workers } = this.#parts
      const { damage } = await workers.writer.call('reopen', { nowMs: now() })
      if (damage !== null) reportJournal(observer, damage)
    })
  }

  compact(space: SpaceName): Promise<CompactionOutcome> {
    return this.#run('internal', () => {
      // In turn, so that the time limit of one does not run while another is worked on.
      const compacting = this.#lastCompaction.then(() => {
        if (this.#closing !== null) throw new Error('the store is closed')
        return compactSpace(space, {
          ...this.#parts,
          timeoutMs: this.#parts.compactionTimeoutMs ?? DEFAULT_COMPACTION_TIMEOUT_MS,
          onQuarantine: reason => this.#keepQuarantine(space, reason),
        })
      })
      this.#lastCompaction = compacting.catch(() => undefined)
      return compacting
    })
  }

  readonly members: MemberStore = {
    load: space => this.#read('members', { space }),
    save: async (changes, nowMs) => void (await this.#write('save-members', { changes, nowMs })),
  }

  readonly catalogue: Catalogue = {
    list: request => this.#read('list-spaces', request),
    find: space => this.#read('find-space', { space }),
    revocations: () => this.#read('revocations', null),
    delete: async (space, nowMs) => void (await this.#write('delete-space', { space, nowMs })),
    restore: space => this.#write('restore-space', { space }),
    create: (space, nowMs) => this.#write('create-space', { space, nowMs }),
    revoke: async revocation => void (await this.#write('revoke', revocation)),
    reinstate: async (space, user) => void (await this.#write('reinstate', { space, user })),
  }

  attribution(space: SpaceName): Promise<readonly Delivery[]> {
    return this.#run('load_failed', async () => {
      const deliveries: Delivery[] = []
      let after: number | null = 0
      while (after !== null) {
        const request: AttributionRequest = { space, after, rows: ATTRIBUTION_ROWS }
        const chunk: AttributionChunk = await this.#parts.workers.reader.call('attribution', request)
        for (const delivery of chunk.deliveries) deliveries.push(delivery)
        after = chunk.next
      }
      return mergeDeliveries(deliveries)
    })
  }

  /** Spaces with something that no snapshot covers. @throws load_failed */
  async *compactableSpaces(): AsyncGenerator<SpaceName> {
    let after = ''
    await this.#foldJournal()
    while (true) {
      const names = await this.#run('load_failed', () =>
        this.#parts.workers.reader.call('list-compactable', { after, limit: LIST_LIMIT }),
      )
      yield* names as SpaceName[]
      if (names.length < LIST_LIMIT) return
      after = names.at(-1)!
    }
  }

  /** @throws internal */
  status(): Promise<SqliteStatus> {
    return this.#run('internal', async () => {
      const status = await this.#parts.workers.writer.call('status', null)
      const { folder } = this.#parts
      const walBytes = statSync(`${folder.database}-wal`, { throwIfNoEntry: false })?.size ?? 0
      return { id: this.id, dataDir: folder.path, ...status, walBytes }
    })
  }

  /** Reads everything, beside the running service. @throws internal */
  verify(): Promise<VerifyReport> {
    return this.#run('internal', async () => {
      await this.#foldJournal()
      return this.#parts.workers.inspector.call('verify', null)
    })
  }

  /**
   * Writes a consistent, checked and synced copy while the service runs on.
   * @param path absolute; never overwritten
   * @throws bad_request where it exists or cannot be written
   */
  backup(path: string): Promise<{ readonly bytes: number }> {
    return this.#run('internal', async () => {
      await this.#foldJournal()
      return this.#parts.workers.inspector.call('backup', { path })
    })
  }

  /** Removes history older than the retention. @returns how many log rows went @throws internal */
  prune(nowMs: number): Promise<number> {
    return this.#run('internal', async () => {
      const beforeMs = nowMs - (this.#parts.retentionMs ?? DEFAULT_RETENTION_MS)
      let from: PruneCursor | null = PRUNE_START
      let rows = 0
      while (from !== null && this.#closing === null) {
        const chunk: { rows: number; next: PruneCursor | null } = await this.#parts.workers.writer.call(
          'prune',
          { from, beforeMs },
        )
        rows += chunk.rows
        from = chunk.next
      }
      await this.#pruneMembers(nowMs)
      return rows
    })
  }

  /** Waits for appends and loads that are under way; long work is given up, it can be done again. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { workers, lock } = this.#parts
    await endLongWork(workers)
    await Promise.allSettled(this.#underWay)
    await closeConnections(workers)
    lock.release()
  }

  async #pruneMembers(nowMs: number): Promise<void> {
    const { memberRetentionMs = DEFAULT_MEMBER_RETENTION_MS, workers } = this.#parts
    const leftBeforeMs = nowMs - memberRetentionMs
    const unwrittenBeforeMs = nowMs - UNWRITTEN_RETENTION_MS
    while (this.#closing === null) {
      if (!(await workers.writer.call('prune-members', { leftBeforeMs, unwrittenBeforeMs }))) return
    }
  }

  /** A part at a time: appends pass in between. Where that fails, all is as it was, and is found where it is. */
  #foldJournal(): Promise<void> {
    this.#folding ??= this.#track(this.#foldParts()).finally(() => {
      this.#folding = null
    })
    return this.#folding
  }

  async #foldParts(): Promise<void> {
    const { writer } = this.#parts.workers
    try {
      while (writer.isRunning && this.#closing === null && (await writer.call('fold-journal', null))) {
        // There is more.
      }
    } catch (cause) {
      this.#parts.observer.report('warn', 'the journal could not be folded into the log', {
        cause: String(cause),
      })
    }
  }

  /** The mark is made as soon as it can be; until then every load finds the damage again. */
  #keepQuarantine(space: SpaceName, reason: string): void {
    const { observer, workers } = this.#parts
    observer.count('quarantines')
    observer.report('error', 'a space is quarantined', { space, reason })
    if (!workers.writer.isRunning) return
    void this.#track(workers.writer.call('quarantine', { space, reason })).catch(cause =>
      observer.report('error', 'a quarantine could not be recorded', { space, cause: String(cause) }),
    )
  }

  #read<Name extends keyof ReaderExchanges & string>(
    name: Name,
    request: ReaderExchanges[Name]['request'],
  ): Promise<ReaderExchanges[Name]['response']> {
    return this.#run('load_failed', () => this.#parts.workers.reader.call(name, request))
  }

  #write<Name extends keyof WriterExchanges & string>(
    name: Name,
    request: WriterExchanges[Name]['request'],
  ): Promise<WriterExchanges[Name]['response']> {
    return this.#run('degraded', async () => {
      const { now, workers } = this.#parts
      // One that is begun by the call would not know the database.
      if (!workers.writer.isRunning) await workers.writer.call('reopen', { nowMs: now() })
      return workers.writer.call(name, request)
    })
  }

  #run<Result>(
    code: 'load_failed' | 'degraded' | 'internal',
    action: () => Promise<Result>,
  ): Promise<Result> {
    const running = async (): Promise<Result> => {
      if (this.#closing !== null) throw new PlenumError(code, 'the store is closed')
      try {
        return await action()
      } catch (cause) {
        if (cause instanceof PlenumError) throw cause
        throw new PlenumError(code, undefined, { cause })
      }
    }
    return this.#track(running())
  }

  #track<Result>(promise: Promise<Result>): Promise<Result> {
    this.#underWay.add(promise)
    const forget = (): void => void this.#underWay.delete(promise)
    promise.then(forget, forget)
    return promise
  }
}
