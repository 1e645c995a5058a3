/**
 * An allowance of engine time that grows at a fixed share of the clock up to a bound, and that work uses up. What is
 * owed is remembered up to a bound, too. Pure.
 */
export interface AllowanceTerms {
  /** Milliseconds of work per millisecond of the clock. */
  readonly share: number
  /** What may be used at once after a pause, ms. */
  readonly burstMs: number
  /** The most that is owed, ms. */
  readonly maxDebtMs: number
}

export interface Allowance {
  /** Below zero: owed. */
  readonly leftMs: number
  /** When that was so, on the clock that never jumps. */
  readonly atMs: number
}

export const newAllowance = ({ burstMs }: AllowanceTerms, nowMs: number): Allowance => ({
  leftMs: burstMs,
  atMs: nowMs,
})

export const leftAt = (
  { leftMs, atMs }: Allowance,
  { share, burstMs }: AllowanceTerms,
  nowMs: number,
): number => Math.min(burstMs, leftMs + (nowMs - atMs) * share)

export const spend = (
  allowance: Allowance,
  terms: AllowanceTerms,
  work: { readonly costMs: number; readonly nowMs: number },
): Allowance => ({
  leftMs: Math.max(leftAt(allowance, terms, work.nowMs) - work.costMs, -terms.maxDebtMs),
  atMs: work.nowMs,
})
