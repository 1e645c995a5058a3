/**
 * How long a space waits between flushes. A flush that cost much is followed by a longer pause, so that a busy
 * room spends a bounded share of the process and its batches grow instead; an idle space flushes at once.
 */

/** The share of the time that one space's flushes may take before its window widens. */
const TARGET_SHARE = 0.05
/** How fast the estimate follows a new cost: one part in four. */
const SMOOTHING = 0.25

export interface FlushWindow {
  /** Smoothed cost of a flush with its fan-out, ms. */
  readonly costMs: number
  /** When the last flush ended, on the clock that never jumps. */
  readonly lastEndMs: number
}

export const idleWindow: FlushWindow = { costMs: 0, lastEndMs: Number.NEGATIVE_INFINITY }

export const afterFlush = (window: FlushWindow, startMs: number, endMs: number): FlushWindow => ({
  costMs: window.costMs + (endMs - startMs - window.costMs) * SMOOTHING,
  lastEndMs: endMs,
})

/** Milliseconds to wait from `nowMs` before the next flush; 0 means at once. */
export const flushDelayMs = (window: FlushWindow, nowMs: number, maxWindowMs: number): number => {
  const windowMs = Math.min(window.costMs / TARGET_SHARE, maxWindowMs)
  const delayMs = window.lastEndMs + windowMs - nowMs
  return delayMs < 1 ? 0 : delayMs
}
