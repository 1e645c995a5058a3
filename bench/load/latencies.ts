/** Millions of latencies in bounded memory: buckets that grow by 2 %, so a quantile is off by 1 % at most. */

const GROWTH = Math.log(1.02)
const SMALLEST_MS = 0.01
const BUCKETS = 1_000

export class Latencies {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    const bucket = ms <= SMALLEST_MS ? 0 : Math.ceil(Math.log(ms / SMALLEST_MS) / GROWTH)
    const index = Math.min(bucket, BUCKETS - 1)
    this.#counts[index] = this.#counts[index]! + 1
    this.#count++
  }

  /** NaN of none. */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN
    const wanted = Math.max(1, Math.ceil(q * this.#count))
    let seen = 0
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count
      if (seen >= wanted) return SMALLEST_MS * Math.exp(GROWTH * (bucket - 0.5))
    }
    return Number.NaN
  }
}
