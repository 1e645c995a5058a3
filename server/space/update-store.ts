/**
 * The port between the spaces and what keeps them. A store promises: when `append` resolves, the whole group
 * is on disk (fsynced); when it rejects, none of it may be taken as saved and the very same group may be
 * appended again, which is harmless if it did reach the disk.
 */
import type { SpaceName } from '../../shared/names.js'
import type { Catalogue } from './catalogue.js'
import type { MemberStore } from './member-store.js'

/** The clocks of one Yjs client that a message brought, and who delivered it. Clocks start…start+length−1. */
export interface Delivery {
  /** The deliverer's token `sub`. */
  readonly user: string
  readonly client: number
  readonly clock: number
  readonly length: number
}

/** One sender's raw update, kept until a verified snapshot covers it: what recovery replays. */
export interface RawInput {
  readonly user: string
  readonly update: Uint8Array
}

/** What one flush of a space added: all update events of one engine call, in order. */
export interface LoggedFlush {
  /** Per space, from 1, without gaps. */
  readonly position: number
  /** Yjs updates, encoding v1. Applied in order they give the document, whatever `inputs` says. */
  readonly updates: readonly Uint8Array[]
  /** The messages behind `updates`, where several senders share the flush; empty where one sender does. */
  readonly inputs: readonly RawInput[]
  readonly deliveries: readonly Delivery[]
}

/** Consecutive flushes of one space: one row of the log. Buffers stay the caller's and are not changed. */
export interface LogEntry {
  readonly space: SpaceName
  readonly flushes: readonly LoggedFlush[]
}

export interface StoredSpace {
  /** Counts deletions and repairs of this space; with the store's id it makes the incarnation. */
  readonly generation: number
  /** The last position in the log; 0 for a space that was never written. */
  readonly position: number
  /** The newest verified snapshot (one Yjs update, v1) and the position that it covers, or null. */
  readonly snapshot: { readonly update: Uint8Array; readonly position: number } | null
  /** The flushes behind the snapshot, in order. */
  readonly tail: readonly LoggedFlush[]
  /** Set where something stored cannot be read: the rest is served, nothing may be written. */
  readonly quarantine: string | null
  /** A deleted space is told without its content. */
  readonly isDeleted: boolean
}

export type CompactionOutcome =
  | { readonly type: 'compacted'; readonly position: number; readonly bytes: number }
  /**
   * Nothing to do; or the space has another generation or a newer snapshot by now; or it needs a repair and
   * was written to during each attempt: pause its writing and compact again.
   */
  | { readonly type: 'skipped'; readonly why: 'nothing-to-do' | 'superseded' | 'written-meanwhile' }
  /** The state did not load; the log was replayed without `dropped`, and the generation was raised. */
  | {
      readonly type: 'repaired'
      readonly position: number
      readonly bytes: number
      readonly dropped: readonly DroppedInput[]
    }
  /** The state does not load and no repair does: the space is read-only from now on. */
  | { readonly type: 'quarantined'; readonly reason: string }

/** An input that recovery left out. Its bytes stay in the log. */
export interface DroppedInput {
  readonly position: number
  readonly user: string
  readonly bytes: number
}

export interface UpdateStore {
  /** The data folder's id, drawn when it was created. */
  readonly id: string
  /** Who was in which space. */
  readonly members: MemberStore
  /** Which spaces there are, and who may not enter. */
  readonly catalogue: Catalogue
  /**
   * Everything needed to build the document. Rows that are in the middle of `append` may be missing.
   * @throws load_failed
   */
  load(space: SpaceName): Promise<StoredSpace>
  /**
   * Appends the group as one durable commit. Calls are made one at a time.
   * @throws degraded; internal where no retry can help: positions that overlap or leave a gap, or a damaged
   *   place on disk. Leave out the entry that is at fault: the others go through.
   */
  append(group: readonly LogEntry[]): Promise<void>
  /** After a failed `append`: closes and opens whatever the store writes through. @throws degraded */
  reopen(): Promise<void>
  /**
   * Who delivered which clocks of a space, merged, whatever has become of the log. What is in the middle of
   * `append` may be missing, and so is what cannot be read.
   * @throws load_failed
   */
  attribution(space: SpaceName): Promise<readonly Delivery[]>
  /** Folds the log of a space into a verified snapshot, outside the thread that writes. @throws internal */
  compact(space: SpaceName): Promise<CompactionOutcome>
  /** Waits for what is under way, then releases everything. Idempotent. */
  close(): Promise<void>
}
