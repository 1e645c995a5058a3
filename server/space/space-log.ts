/**
 * One space's side of the log: positions without gaps, what is known to be on disk, and how large snapshot,
 * tail and document are. It appends; the commit queue brings it to the disk.
 */
import type { SpaceName } from '../../shared/names.js'
import { type CommitQueue, flushBytes } from './commit-queue.js'
import { compactionDue } from './compaction-policy.js'
import type { LoadedSpace } from './loading.js'
import { RecentFlushes } from './recent-flushes.js'
import type { LoggedFlush } from './update-store.js'

/** How much of the newest is kept for who comes back. More than a part of the document saves nobody anything. */
const MAX_RECENT_UPDATES = 512
const MAX_RECENT_BYTES = 64 * 1024
const MIN_RECENT_BYTES = 4 * 1024
const RECENT_SHARE = 1 / 4
const RESTING_RECENT_BYTES = 8 * 1024

export class SpaceLog {
  readonly #space: SpaceName
  readonly #commits: CommitQueue
  #position: number
  #durablePosition: number
  #snapshotBytes: number
  #tailBytes: number
  #tailUpdates: number
  #documentBytes: number
  readonly #recent: RecentFlushes

  constructor(options: {
    readonly space: SpaceName
    readonly commits: CommitQueue
    readonly loaded: LoadedSpace
  }) {
    const { space, commits, loaded } = options
    this.#space = space
    this.#commits = commits
    this.#position = loaded.position
    this.#durablePosition = loaded.durablePosition
    this.#snapshotBytes = loaded.snapshotBytes
    this.#tailBytes = loaded.tailBytes
    this.#tailUpdates = loaded.tailUpdates
    this.#documentBytes = loaded.snapshotBytes + loaded.tailBytes
    this.#recent = new RecentFlushes(loaded.position - loaded.flushes.length)
    for (const flush of loaded.flushes) this.#remember(flush)
  }

  /** The position of the last flush; what changes nothing is acknowledged here. */
  get position(): number {
    return this.#position
  }

  get durablePosition(): number {
    return this.#durablePosition
  }

  /** What the document takes at most: its last measured size and everything since. */
  get documentBytes(): number {
    return this.#documentBytes
  }

  /** Whether the log has outgrown the snapshot. */
  get isCompactionDue(): boolean {
    return compactionDue({
      snapshotBytes: this.#snapshotBytes,
      tailBytes: this.#tailBytes,
      tailUpdates: this.#tailUpdates,
    })
  }

  append(content: Omit<LoggedFlush, 'position'>): void {
    const { updates, inputs, deliveries } = content
    const flush = { position: ++this.#position, updates, inputs, deliveries }
    this.#tailBytes += flushBytes(flush)
    this.#tailUpdates += flush.updates.length
    this.#documentBytes += flush.updates.reduce((sum, update) => sum + update.length, 0)
    this.#remember(flush)
    this.#commits.append(this.#space, flush)
  }

  /**
   * The updates after a position, in order; null where it is too long ago, or not yet. Views: to be used at once.
   */
  since(position: number): readonly Uint8Array[] | null {
    return this.#recent.since(position)
  }

  /** Nobody has edited for a while: less is kept for those who come back. */
  rest(): void {
    this.#recent.trim({ maxBytes: RESTING_RECENT_BYTES, maxUpdates: MAX_RECENT_UPDATES })
  }

  durable(position: number): void {
    this.#durablePosition = Math.max(this.#durablePosition, position)
  }

  /** The exact size of the encoded document. */
  measured(documentBytes: number): void {
    this.#documentBytes = documentBytes
  }

  /** @param snapshotBytes null where no snapshot was made: it is due again when the log has grown as much again */
  compacted(snapshotBytes: number | null): void {
    this.#snapshotBytes = snapshotBytes ?? this.#snapshotBytes
    this.#tailBytes = 0
    this.#tailUpdates = 0
  }

  #remember(flush: LoggedFlush): void {
    const share = Math.floor(this.#documentBytes * RECENT_SHARE)
    const maxBytes = Math.min(MAX_RECENT_BYTES, Math.max(MIN_RECENT_BYTES, share))
    this.#recent.add(flush, { maxBytes, maxUpdates: MAX_RECENT_UPDATES })
  }
}
