/** When the log behind a snapshot is worth folding into the next one. */

export interface TailSize {
  /** 0 without a snapshot. */
  readonly snapshotBytes: number
  readonly tailBytes: number
  readonly tailUpdates: number
}

/** Below this, reading the log costs next to nothing, however small the snapshot. */
export const MIN_TAIL_BYTES = 64 * 1024
/** So many updates take about as long to replay as a large snapshot to load. */
export const MAX_TAIL_UPDATES = 4000

/**
 * Due when the tail has outgrown the snapshot, so that all compactions together write a small multiple of the
 * document; or when replaying it is slow though it is small.
 */
export const compactionDue = ({ snapshotBytes, tailBytes, tailUpdates }: TailSize): boolean =>
  tailUpdates >= MAX_TAIL_UPDATES || tailBytes >= Math.max(MIN_TAIL_BYTES, snapshotBytes)
