/**
 * Which spaces cost much: each has an allowance of engine time that grows at a share of the clock. One whose
 * allowance is used up is dear, and lives where it hinders only its like. Pure.
 */

/** The share of a thread that a space may use for long. */
const SHARE = 0.2
/** What it may use at once, ms. */
const MAX_ALLOWANCE_MS = 50
/** The debt that is remembered, ms: what it takes to become cheap again. */
const MAX_DEBT_MS = 2_000

export interface Meter {
  readonly allowanceMs: number
  readonly atMs: number
}

export const newMeter = (nowMs: number): Meter => ({ allowanceMs: MAX_ALLOWANCE_MS, atMs: nowMs })

export const spend = (meter: Meter, costMs: number, nowMs: number): Meter => ({
  allowanceMs: Math.max(allowanceAt(meter, nowMs) - costMs, -MAX_DEBT_MS),
  atMs: nowMs,
})

export const isDear = (meter: Meter, nowMs: number): boolean => allowanceAt(meter, nowMs) < 0

const allowanceAt = ({ allowanceMs, atMs }: Meter, nowMs: number): number =>
  Math.min(MAX_ALLOWANCE_MS, allowanceMs + (nowMs - atMs) * SHARE)
