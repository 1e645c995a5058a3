/** Promises that must settle in time, watched by a sweep that others share: no timer each. */

interface Watched {
  readonly sinceMs: number
  readonly late: () => Error
  giveUp(error: Error): void
}

export class Deadlines {
  readonly #timeoutMs: number
  readonly #watched = new Set<Watched>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#watched.size
  }

  /** The promise's result; rejects with `late()` once a sweep finds it overdue. */
  within<Result>(promise: Promise<Result>, nowMs: number, late: () => Error): Promise<Result> {
    return new Promise((resolve, reject) => {
      const watched: Watched = { sinceMs: nowMs, late, giveUp: reject }
      this.#watched.add(watched)
      const forget = (): boolean => this.#watched.delete(watched)
      promise.then(resolve, reject).then(forget, forget)
    })
  }

  /** Rejects whatever has not settled yet. */
  giveUp(error: () => Error): void {
    for (const { giveUp } of this.#watched) giveUp(error())
    this.#watched.clear()
  }

  sweep(nowMs: number): void {
    for (const watched of this.#watched) {
      if (nowMs - watched.sinceMs < this.#timeoutMs) continue
      this.#watched.delete(watched)
      watched.giveUp(watched.late())
    }
  }
}
