/** What crosses between the store and its workers: one table of requests per worker. */
import type { StoredFacts, StoredFigures, StoredRevocation } from '../../space/catalogue.js'
import type { MemberChange } from '../../space/member-store.js'
import type { RosterMember } from '../../space/members.js'
import type { DroppedInput } from '../../space/update-store.js'
import type { Failpoints } from '../failpoints.js'
import type { AttributionChunk, AttributionRequest } from './attribution-table.js'
import type { ListRequest } from './catalogue-table.js'
import type { PruneChunk, PruneCursor } from './prune.js'
import type { PartToStore } from './snapshot-parts.js'
import type { SnapshotToStore, StoreSnapshotResult } from './store-snapshot.js'
import type { VerifyReport } from './verify.js'

export interface WorkerOptions {
  /** The path of the database. */
  readonly database: string
  readonly failpoints: Failpoints
}

export interface Exchange {
  readonly request: unknown
  readonly response: unknown
}
export type Exchanges = { readonly [Name: string]: Exchange }

export type WriterExchanges = {
  /** `damage` is what of the journal could not be read, or null. */
  readonly open: { request: { nowMs: number }; response: { id: string; damage: string | null } }
  /** `rows` is a row batch. */
  readonly append: { request: { rows: Uint8Array; nowMs: number }; response: JournalState }
  readonly reopen: { request: { nowMs: number }; response: { damage: string | null } }
  /** A part of what waits for the log; the answer is whether there is more. */
  readonly 'fold-journal': { request: null; response: boolean }
  /** What waits of one space. */
  readonly 'fold-space': { request: { space: string }; response: null }
  /** The answer is the snapshot's id. */
  readonly 'store-part': { request: PartToStore; response: number }
  readonly 'clear-rubbish': { request: null; response: boolean }
  readonly 'store-snapshot': {
    request: { snapshot: SnapshotToStore; nowMs: number }
    response: StoreSnapshotResult
  }
  readonly quarantine: { request: { space: string; reason: string }; response: null }
  readonly prune: { request: { from: PruneCursor; beforeMs: number }; response: PruneChunk }
  readonly 'save-members': {
    request: { changes: readonly MemberChange[]; nowMs: number }
    response: null
  }
  /** The answer is whether there may be more. */
  readonly 'prune-members': {
    request: { leftBeforeMs: number; unwrittenBeforeMs: number }
    response: boolean
  }
  readonly 'delete-space': { request: { space: string; nowMs: number }; response: null }
  /** The answer is the generation. */
  readonly 'restore-space': { request: { space: string }; response: number }
  readonly 'create-space': {
    request: { space: string; nowMs: number }
    response: { generation: number; isNew: boolean }
  }
  readonly revoke: { request: StoredRevocation; response: null }
  readonly reinstate: { request: { space: string | null; user: string }; response: null }
  readonly status: { request: null; response: DatabaseStatus }
  readonly close: { request: null; response: null }
}

/** Whether rows wait to be folded into the log, and whether it is time. */
export type JournalState = 'empty' | 'in-use' | 'full'

export interface DatabaseStatus {
  readonly schemaVersion: number
  /** 2 is FULL: every commit is synced. Read from the connection that writes. */
  readonly synchronous: number
  readonly spaces: number
  /** The first hundred. */
  readonly quarantined: readonly { readonly space: string; readonly reason: string }[]
  readonly databaseBytes: number
  /** Pages that the next rows fill before the file grows. */
  readonly freeBytes: number
}

/** A `StoredSpace` whose tail is a row batch. */
export interface LoadedRows {
  readonly generation: number
  readonly isDeleted: boolean
  readonly position: number
  readonly snapshot: { readonly update: Uint8Array; readonly position: number } | null
  readonly rows: Uint8Array
  readonly quarantine: string | null
  readonly isQuarantineKept: boolean
  readonly damage: string | null
}

export type ReaderExchanges = {
  readonly load: { request: { space: string }; response: LoadedRows }
  readonly members: { request: { space: string }; response: readonly RosterMember[] }
  readonly 'list-spaces': { request: ListRequest; response: readonly StoredFacts[] }
  readonly 'find-space': { request: { space: string }; response: StoredFigures | null }
  readonly revocations: { request: null; response: readonly StoredRevocation[] }
  readonly attribution: { request: AttributionRequest; response: AttributionChunk }
  /** Names of spaces with log rows behind their snapshot, in order, after `after`. */
  readonly 'list-compactable': { request: { after: string; limit: number }; response: readonly string[] }
  readonly close: { request: null; response: null }
}

/** What a compaction found; the writer stores it. */
export type CompactionResult =
  | { readonly type: 'nothing' }
  | {
      readonly type: 'snapshot'
      readonly snapshot: SnapshotToStore
      readonly dropped: readonly DroppedInput[]
    }
  | { readonly type: 'quarantine'; readonly reason: string; readonly isKept: boolean }

export type MaintenanceExchanges = {
  readonly compact: { request: { space: string }; response: CompactionResult }
  readonly verify: { request: null; response: VerifyReport }
  readonly backup: { request: { path: string }; response: { bytes: number } }
}
