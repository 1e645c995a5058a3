/**
 * The server's clock as far as this client can tell, from what the server said and a clock that never jumps: that
 * this machine's date is wrong, or is changed, makes no difference.
 */
import type { Clock } from './clock.js'

export class ServerClock {
  readonly #clock: Clock
  /** The server's clock minus ours; null before the server's first word. */
  #aheadMs: number | null = null
  #heardMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ms since 1970; null before the server's first word. While there is no connection, as if nothing had changed. */
  now(): number | null {
    return this.#at(this.#clock.now())
  }

  /** When the server was last heard, on its clock; null if never. */
  lastHeard(): number | null {
    return this.#at(this.#heardMs)
  }

  /** How long nothing has been heard, ms. */
  get silentMs(): number {
    return this.#clock.now() - this.#heardMs
  }

  /** A message came, whatever it says. */
  heard(): void {
    this.#heardMs = this.#clock.now()
  }

  /** The first word of a connection: what earlier ones said may be of a clock that has been set since. */
  start(serverTimeMs: number): void {
    this.#aheadMs = serverTimeMs - this.#clock.now()
  }

  /** A later word. Being under way makes the server's clock seem behind: the fastest message is the best. */
  told(serverTimeMs: number): void {
    const aheadMs = serverTimeMs - this.#clock.now()
    this.#aheadMs = this.#aheadMs === null ? aheadMs : Math.max(this.#aheadMs, aheadMs)
  }

  #at(nowMs: number): number | null {
    return this.#aheadMs === null ? null : Math.round(nowMs + this.#aheadMs)
  }
}
