/**
 * How long a space waits between flushes. Each space has an allowance of time that grows at a fixed share of the
 * clock and that its turns use up: within it a flush is at once, beyond it batches grow instead, so that a
 * busy room spends a bounded share of the process. Pure.
 */

/** The share of the time that one space's turns may take before it waits. */
const SHARE = 0.15
/** An allowance that was not used is kept up to this, ms: a burst after a pause is relayed at once. */
const MAX_ALLOWANCE_MS = 15

export interface FlushWindow {
  /** Below zero: in debt, and the space waits until it is not. */
  readonly allowanceMs: number
  /** When that was so, on the clock that never jumps. */
  readonly atMs: number
}

export const openWindow = (nowMs: number): FlushWindow => ({ allowanceMs: MAX_ALLOWANCE_MS, atMs: nowMs })

/** After a turn; the debt never grows beyond what the longest wait pays back. */
export const afterTurn = (
  window: FlushWindow,
  turn: { readonly startMs: number; readonly endMs: number },
  maxWindowMs: number,
): FlushWindow => ({
  allowanceMs: Math.max(
    allowanceAt(window, turn.startMs) - (turn.endMs - turn.startMs),
    -maxWindowMs * SHARE,
  ),
  atMs: turn.endMs,
})

/** Milliseconds to wait from `nowMs` before the next flush; 0 means at once. */
export const flushDelayMs = (window: FlushWindow, nowMs: number): number =>
  Math.max(0, -allowanceAt(window, nowMs) / SHARE)

const allowanceAt = ({ allowanceMs, atMs }: FlushWindow, nowMs: number): number =>
  Math.min(MAX_ALLOWANCE_MS, allowanceMs + (nowMs - atMs) * SHARE)
