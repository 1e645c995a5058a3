/**
 * What is shown while there is no connection: the last that one said, or the latest snapshot, whichever is younger;
 * own edits that the server lacks never vanish from sight.
 */

/** Where a value is from: the connection now, an earlier one or the kept copy, the HTTP snapshot, or nowhere. */
export type FallbackSource = 'live' | 'copy' | 'snapshot' | 'none'

export interface Origin {
  readonly source: FallbackSource
  /** Whether it may have changed since. */
  readonly stale: boolean
  /** When the server said it, ms since 1970 on its clock; null where it is live, or nobody knows. */
  readonly asOf: number | null
  /** When that was on the clock here that never jumps; null likewise. */
  readonly atMs: number | null
}

export interface Candidates {
  readonly isLive: boolean
  /** What is left of earlier connections or of the kept copy; null for nothing. */
  readonly copy: {
    readonly asOf: number | null
    readonly atMs: number | null
    readonly hasOwnEdits: boolean
  } | null
  readonly snapshot: { readonly asOf: number; readonly atMs: number } | null
}

const LIVE: Origin = Object.freeze({ source: 'live', stale: false, asOf: null, atMs: null })
const NONE: Origin = Object.freeze({ source: 'none', stale: true, asOf: null, atMs: null })

export const chooseOrigin = ({ isLive, copy, snapshot }: Candidates): Origin => {
  if (isLive) return LIVE
  if (copy !== null && (copy.hasOwnEdits || snapshot === null || isYounger(copy, snapshot))) {
    return { source: 'copy', stale: true, asOf: copy.asOf, atMs: copy.atMs }
  }
  return snapshot === null ? NONE : { source: 'snapshot', stale: true, ...snapshot }
}

const isYounger = (
  { atMs }: { readonly atMs: number | null },
  snapshot: { readonly atMs: number },
): boolean => atMs !== null && atMs > snapshot.atMs
