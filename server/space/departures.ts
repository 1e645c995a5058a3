/**
 * The last clocks of clientIDs that left: all of those whose end was not told yet, and a bounded number of the
 * others, the latest.
 */

import { LeanMap } from './lean-collections.js'

/** How many clientIDs whose end was told are remembered, the oldest forgotten first. */
const MAX_TOLD = 2048

export class Departures {
  readonly #untold = new LeanMap<number, number>()
  readonly #told = new LeanMap<number, number>()

  clockOf(clientId: number): number | undefined {
    return this.#untold.get(clientId) ?? this.#told.get(clientId)
  }

  add(clientId: number, clock: number): void {
    this.#untold.set(clientId, clock)
  }

  /** It is here again. */
  remove(clientId: number): void {
    this.#untold.delete(clientId)
    this.#told.delete(clientId)
  }

  /** Peers were sent its end, if it has left. */
  told(clientId: number): void {
    const clock = this.#untold.get(clientId)
    if (clock === undefined) return
    this.#untold.delete(clientId)
    this.#told.set(clientId, clock)
    if (this.#told.size <= MAX_TOLD) return
    const [oldest] = this.#told.keys()
    this.#told.delete(oldest!)
  }
}
