/**
 * The epochs of the spaces of a process. Positions mean something only within one: a crash loses the unsaved tail and
 * reuses its positions, so that every start draws another, and so does a space that may have lost something alone.
 * An epoch that was left never comes back.
 */
import type { SpaceName } from '../../shared/names.js'

/** Spaces that have one of their own, at most; a space that fails is rare. */
const MAX_OWN = 1_000

export class Epoch {
  readonly #randomId: () => string
  /** Of every space that has none of its own. */
  #common: string
  readonly #own = new Map<SpaceName, string>()

  /** @param randomId draws one that there never was */
  constructor(randomId: () => string) {
    this.#randomId = randomId
    this.#common = randomId()
  }

  /** @param generation of the content: positions in another one are another's, too */
  of(space: SpaceName, generation: number): string {
    return `${this.#own.get(space) ?? this.#common}.${generation}`
  }

  /** Something that was relayed may be gone, and its position another's: nobody goes on there from where they were. */
  renew(space: SpaceName): void {
    if (this.#own.size >= MAX_OWN && !this.#own.has(space)) {
      // To forget one of them would bring back what it had in common with the others: that goes with them.
      this.#own.clear()
      this.#common = this.#randomId()
      return
    }
    this.#own.set(space, this.#randomId())
  }
}
