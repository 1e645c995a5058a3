/**
 * The epoch of a process. Positions mean something only within one: a crash loses the unsaved tail and reuses its
 * positions, so that every start draws another.
 */
export class Epoch {
  readonly #randomId: () => string
  #current: string

  /** @param randomId draws one that there never was */
  constructor(randomId: () => string) {
    this.#randomId = randomId
    this.#current = randomId()
  }

  get current(): string {
    return this.#current
  }

  /** Something that was relayed may be gone, and its position another's: nobody goes on from where they were. */
  renew(): void {
    this.#current = this.#randomId()
  }
}
