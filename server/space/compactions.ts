/** Compacts spaces one after the other, in the order in which they became due; one that fails is left for later. */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Observer } from './observer.js'
import type { CompactionOutcome, UpdateStore } from './update-store.js'

export interface CompactionsOptions {
  readonly store: UpdateStore
  readonly observer: Observer
  /** Makes the open space, if it is one, follow. */
  followUp(space: SpaceName, outcome: CompactionOutcome): Promise<void>
  /** None was made; the space should not ask again at once. */
  onFailed(space: SpaceName): void
}

export class Compactions {
  readonly #options: CompactionsOptions
  readonly #due = new Set<SpaceName>()
  readonly #underWay = new Set<{ readonly space: SpaceName; readonly done: Promise<unknown> }>()
  #isRunning = false
  #isClosed = false

  constructor(options: CompactionsOptions) {
    this.#options = options
  }

  soon(space: SpaceName): void {
    if (this.#isClosed) return
    this.#due.add(space)
    if (!this.#isRunning) void this.#run()
  }

  /** @throws internal */
  async now(space: SpaceName): Promise<CompactionOutcome> {
    const compacting = this.#compact(space)
    const underWay = { space, done: compacting.catch(() => {}) }
    this.#underWay.add(underWay)
    try {
      return await compacting
    } finally {
      this.#underWay.delete(underWay)
    }
  }

  /** Resolves when nothing that was read of the space will be stored or followed any more. */
  async whenDone(space: SpaceName): Promise<void> {
    this.#due.delete(space)
    await Promise.all([...this.#underWay].map(each => each.space === space && each.done))
  }

  /** None begins any more; one that is under way is given up when the store closes. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#due.clear()
  }

  async #compact(space: SpaceName): Promise<CompactionOutcome> {
    const { store, followUp } = this.#options
    const outcome = await store.compact(space)
    await followUp(space, outcome)
    return outcome
  }

  async #run(): Promise<void> {
    const { observer, onFailed } = this.#options
    this.#isRunning = true
    for (const space of this.#due) {
      try {
        await this.now(space)
      } catch (error) {
        if (this.#isClosed) break
        observer.report('error', 'compaction failed', { space, error: toPlenumError(error) })
        onFailed(space)
      }
      this.#due.delete(space)
    }
    this.#isRunning = false
  }
}
