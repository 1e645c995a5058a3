/** How long to wait after a failure: exponential, half of it by chance, so that clients don't come back as one. */

export interface Pace {
  /** The longest wait after the first failure. */
  readonly baseMs: number
  /** The longest wait at all. */
  readonly maxMs: number
}

export const DEFAULT_PACE: Pace = Object.freeze({ baseMs: 500, maxMs: 10_000 })

/**
 * @param failures how many in a row, the one just met included
 * @param random at least 0 and below 1
 */
export const backoffMs = (failures: number, random: number, { baseMs, maxMs }: Pace): number => {
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** (failures - 1))
  return (ceilingMs * (1 + random)) / 2
}
