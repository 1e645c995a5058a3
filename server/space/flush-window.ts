/**
 * How long to wait between flushes. A window is an allowance of time that grows at a fixed share of the clock and
 * that flushes use up: within it a flush is at once, beyond it batches grow instead, so that a busy room
 * spends a bounded share of the process. All there is to remember of it is when the allowance is whole again, in ms
 * of the clock that never jumps. Pure.
 */

/** An allowance that was not used is kept up to this, ms: a burst after a pause is relayed at once. */
const MAX_ALLOWANCE_MS = 15
const MIN_DELAY_MS = 1e-3

/** Of a window that was never used. */
export const OPEN_WINDOW = 0

/**
 * After a flush that ended at `endMs`.
 * @param share of the time that flushes may take before they wait
 * @param maxWaitMs the debt never grows beyond what a wait of this pays back
 * @returns when the allowance is whole again
 */
export const afterFlush = (
  wholeAtMs: number,
  flush: { readonly costMs: number; readonly endMs: number },
  { share, maxWaitMs }: { readonly share: number; readonly maxWaitMs: number },
): number => {
  const { costMs, endMs } = flush
  const lackMs = Math.max(wholeAtMs - endMs, 0) + costMs / share
  return endMs + Math.min(lackMs, MAX_ALLOWANCE_MS / share + maxWaitMs)
}

/** Milliseconds to wait from `nowMs` before the next flush; 0 means at once. */
export const flushDelayMs = (wholeAtMs: number, nowMs: number, share: number): number => {
  const delayMs = wholeAtMs - MAX_ALLOWANCE_MS / share - nowMs
  // Less is what rounding leaves of a wait that is over.
  return delayMs < MIN_DELAY_MS ? 0 : delayMs
}
