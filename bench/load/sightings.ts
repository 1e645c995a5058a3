/** What members see of those who move: how often a state of theirs arrives, and how late each one, or a newer, does. */
import { Latencies } from './latencies.js'

export class Sightings {
  /**
   * From when a state was due to when another member had it or a newer one: what a server left out counts as seen
   * when what replaced it came.
   */
  readonly latencies = new Latencies()
  /** By mover, then clock. */
  readonly #dueMs = new Map<number, Map<number, number>>()
  #count = 0

  /** How often a member was shown a newer state of a mover. */
  get count(): number {
    return this.#count
  }

  moved(mover: number, clock: number, dueMs: number): void {
    const clocks = this.#dueMs.get(mover) ?? new Map<number, number>()
    this.#dueMs.set(mover, clocks.set(clock, dueMs))
  }

  /** A member had one clock of a mover, and now has another. */
  saw(mover: number, { from, to, nowMs }: { from: number; to: number; nowMs: number }): void {
    const clocks = this.#dueMs.get(mover)
    if (clocks === undefined) return
    let isNews = false
    for (let clock = from + 1; clock <= to; clock++) {
      const dueMs = clocks.get(clock)
      if (dueMs === undefined) continue
      this.latencies.add(nowMs - dueMs)
      isNews = true
    }
    if (isNews) this.#count++
  }

  /** How long somebody who has this clock has been waiting for the next one; 0 where there is none. */
  behindMs(mover: number, clock: number, nowMs: number): number {
    const dueMs = this.#dueMs.get(mover)?.get(clock + 1)
    return dueMs === undefined ? 0 : nowMs - dueMs
  }
}
