/** When the log behind a snapshot is worth folding into the next one. */

export interface TailSize {
  /** 0 without a snapshot. */
  readonly snapshotBytes: number
  readonly tailBytes: number
  readonly tailUpdates: number
}

/** Below this, reading the log costs next to nothing, however small the snapshot. */
export const MIN_TAIL_BYTES = 64 * 1024
/** So few updates are replayed in no time. */
export const MIN_TAIL_UPDATES = 4000
/** An update is replayed in the time in which about thirty bytes of a snapshot are loaded. */
const LOADED_BYTES_PER_UPDATE = 32
/** How long the tail may take to replay, of the time that the snapshot takes to load. */
const REPLAY_SHARE = 1 / 2

/**
 * Due when the tail has outgrown the snapshot, or takes long to replay beside it though it is small. Both grow
 * with the snapshot: all compactions together cost a small multiple of the edits, however large the document.
 */
export const compactionDue = ({ snapshotBytes, tailBytes, tailUpdates }: TailSize): boolean =>
  tailBytes >= Math.max(MIN_TAIL_BYTES, snapshotBytes) ||
  tailUpdates >= Math.max(MIN_TAIL_UPDATES, (snapshotBytes / LOADED_BYTES_PER_UPDATE) * REPLAY_SHARE)
