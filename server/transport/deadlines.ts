/** Promises that must settle in time, watched by a sweep that others share: no timer each. */

interface Watched {
  readonly sinceMs: number
  giveUp(): void
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
      const watched: Watched = { sinceMs: nowMs, giveUp: () => reject(late()) }
      this.#watched.add(watched)
      const forget = (): boolean => this.#watched.delete(watched)
      promise.then(resolve, reject).then(forget, forget)
    })
  }

  sweep(nowMs: number): void {
    for (const watched of this.#watched) {
      if (nowMs - watched.sinceMs < this.#timeoutMs) continue
      this.#watched.delete(watched)
      watched.giveUp()
    }
  }
}
