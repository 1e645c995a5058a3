/** Rounds to one figure: medians, quantiles, ratios with an interval, and how fast a cost grows with the work. */

export interface Interval {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The value below which the fraction `q` of the values lies (nearest rank); NaN of none. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export const intervalOf = (values: readonly number[]): Interval => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
})

/** One round's figure of ours and of the peers. A peer without a figure in that round is left out. */
export interface RatioRound {
  readonly ours: number
  readonly peers: readonly number[]
}

/**
 * Ours over the better peer of the same round, as the median of the rounds: what made one round slow made it slow
 * for both. Rounds without both are left out; null where none is left.
 */
export const ratioToBest = (rounds: readonly RatioRound[], better: 'lower' | 'higher'): Interval | null => {
  const ratios = rounds
    .filter(({ ours, peers }) => Number.isFinite(ours) && peers.length > 0)
    .map(({ ours, peers }) => ours / (better === 'lower' ? Math.min(...peers) : Math.max(...peers)))
    .filter(Number.isFinite)
  return ratios.length === 0 ? null : intervalOf(ratios)
}

export interface Sample {
  readonly work: number
  readonly cost: number
}

/** The exponent e of `cost ≈ c · work^e`: the slope of the least-squares line through the logarithms. */
export const growthExponent = (samples: readonly Sample[]): number => {
  const points = samples.map(({ work, cost }) => [Math.log(work), Math.log(cost)] as const)
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length
  const [meanX, meanY] = [mean(0), mean(1)]
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return covariance / variance
}
