/**
 * An encoding of a document, and what was relayed since: what newcomers are sent is put together from these bytes,
 * so that a crowd that joins while others type costs one encoding. Bounded: beyond a share of the document it is
 * worth encoding anew, because Yjs joins what was typed.
 */
import type { SpaceName } from '../../shared/names.js'
import type { Engine } from './engine.js'

const SHARE = 1 / 4
const MAX_UPDATES = 2000

export class StandingState {
  #full: Uint8Array
  #since: Uint8Array[] = []
  #leftBytes: number
  #leftUpdates = MAX_UPDATES

  /** @param full the document as it is now */
  constructor(full: Uint8Array) {
    this.#full = full
    this.#leftBytes = full.length * SHARE
  }

  /** Takes what was relayed. @returns whether it is still worth keeping */
  add(updates: readonly Uint8Array[]): boolean {
    for (const update of updates) {
      this.#leftBytes -= update.length
      this.#since.push(update)
    }
    this.#leftUpdates -= updates.length
    return this.#leftBytes >= 0 && this.#leftUpdates >= 0
  }

  /** One update with everything in it; null where only the document can tell. */
  async full(space: SpaceName, engine: Engine): Promise<Uint8Array | null> {
    if (this.#since.length === 0) return this.#full
    const folded = await engine.fold(space, [this.#full, ...this.#since], true)
    if (folded === null) return null
    this.#full = folded.update
    this.#since = []
    return this.#full
  }
}
