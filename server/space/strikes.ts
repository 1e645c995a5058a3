/**
 * Which spaces keep getting the engine stuck. After so many times within the term a space is suspended until the term
 * has passed since the last one, so that a hang, a restart and the next hang are never a loop.
 */
import type { SpaceName } from '../../shared/names.js'

export interface StrikesOptions {
  readonly most: number
  readonly termMs: number
}

export class Strikes {
  readonly #options: StrikesOptions
  /** When it happened, on the clock that never jumps, the newest last. */
  readonly #times = new Map<SpaceName, readonly number[]>()

  constructor(options: StrikesOptions) {
    this.#options = options
  }

  add(space: SpaceName, nowMs: number): void {
    this.#forget(nowMs)
    this.#times.set(space, [...(this.#times.get(space) ?? []), nowMs].slice(-this.#options.most))
  }

  /** @returns until when the space is suspended; null where it is not */
  suspendedUntil(space: SpaceName, nowMs: number): number | null {
    this.#forget(nowMs)
    const times = this.#times.get(space) ?? []
    return times.length < this.#options.most ? null : times.at(-1)! + this.#options.termMs
  }

  #forget(nowMs: number): void {
    for (const [space, times] of this.#times) {
      if (times.at(-1)! + this.#options.termMs <= nowMs) this.#times.delete(space)
    }
  }
}
