/**
 * How long to wait between flushes. A window is an allowance of time that grows at a fixed share of the clock and
 * that flushes use up: within it a flush is at once, beyond it batches grow instead, so that a busy room
 * spends a bounded share of the process. Pure.
 */

/** An allowance that was not used is kept up to this, ms: a burst after a pause is relayed at once. */
const MAX_ALLOWANCE_MS = 15
const MIN_DELAY_MS = 1e-3

export interface FlushWindow {
  /** The share of the time that flushes may take before they wait. */
  readonly share: number
  /** Below zero: in debt, and flushes wait until it is not. */
  readonly allowanceMs: number
  /** When that was so, on the clock that never jumps. */
  readonly atMs: number
}

export const openWindow = (nowMs: number, share: number): FlushWindow => ({
  share,
  allowanceMs: MAX_ALLOWANCE_MS,
  atMs: nowMs,
})

/** After a flush that ended at `endMs`; the debt never grows beyond what a wait of `maxWaitMs` pays back. */
export const afterFlush = (
  window: FlushWindow,
  flush: { readonly costMs: number; readonly endMs: number },
  maxWaitMs: number,
): FlushWindow => ({
  share: window.share,
  allowanceMs: Math.max(allowanceAt(window, flush.endMs) - flush.costMs, -maxWaitMs * window.share),
  atMs: flush.endMs,
})

/** Milliseconds to wait from `nowMs` before the next flush; 0 means at once. */
export const flushDelayMs = (window: FlushWindow, nowMs: number): number => {
  const delayMs = -allowanceAt(window, nowMs) / window.share
  // Less is what rounding leaves of a wait that is over.
  return delayMs < MIN_DELAY_MS ? 0 : delayMs
}

const allowanceAt = ({ share, allowanceMs, atMs }: FlushWindow, nowMs: number): number =>
  Math.min(MAX_ALLOWANCE_MS, allowanceMs + (nowMs - atMs) * share)
