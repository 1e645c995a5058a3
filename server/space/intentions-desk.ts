/**
 * The intentions of a space for those who ask over HTTP, each with who delivered it. The document is read once per
 * state, in a turn of the space; who delivered what is read from the store once, beside the turns, and kept up to
 * date as long as somebody asks.
 */
import type { Intention, InvalidIntention } from '../../shared/intentions/intention.js'
import type { SpaceName } from '../../shared/names.js'
import type { CommitQueue } from './commit-queue.js'
import { Deliverers } from './deliverers.js'
import type { WrittenIntention } from './engine.js'
import type { Readings } from './readings.js'
import type { Residence } from './residence.js'
import type { Scheduler } from './scheduler.js'
import type { SpaceLog } from './space-log.js'
import type { Delivery, UpdateStore } from './update-store.js'

export interface AttestedIntention extends Intention {
  /** Whether it was the user in `by` who delivered the entry and said so. */
  readonly verified: boolean
  /** Who delivered the entry and what its fields are now; null where nobody alone is known to have. */
  readonly deliveredBy: Readonly<Record<string, string | null>>
}

export interface AttestedIntentions {
  readonly intentions: readonly AttestedIntention[]
  readonly invalid: readonly InvalidIntention[]
}

export interface IntentionsDeskOptions {
  readonly name: SpaceName
  readonly residence: Residence
  readonly store: UpdateStore
  readonly commits: CommitQueue
  readonly log: SpaceLog
  readonly scheduler: Scheduler
  readonly readings: Readings
}

interface Kept {
  readonly deliverers: Deliverers
  /** When the history is in it as well. */
  readonly isWhole: Promise<void>
}

/** What nobody asks for is forgotten after so long. */
const FORGET_MS = 60_000

export class IntentionsDesk {
  readonly #options: IntentionsDeskOptions
  #kept: Kept | null = null
  #answer: { readonly position: number; readonly intentions: AttestedIntentions } | null = null
  #asking = 0
  #askedMs = 0

  constructor(options: IntentionsDeskOptions) {
    this.#options = options
  }

  /** Whether nobody waits for anything. */
  get isIdle(): boolean {
    return this.#asking === 0
  }

  /**
   * Calls `read` with the intentions in a turn: nothing is edited until it settles.
   * @throws load_failed, and as the readings do
   */
  async inTurn<Answer>(read: (intentions: AttestedIntentions) => Promise<Answer>): Promise<Answer> {
    this.#askedMs = this.#options.scheduler.elapsed()
    this.#asking++
    try {
      this.#kept ??= this.#keep()
      await this.#kept.isWhole
      return await this.#options.readings.ask(async () => read(await this.#read()))
    } finally {
      this.#asking--
    }
  }

  /** What a flush has brought. */
  delivered(deliveries: readonly Delivery[]): void {
    this.#kept?.deliverers.add(deliveries)
  }

  /** Once a second. */
  sweep(nowMs: number): void {
    if (!this.isIdle || nowMs - this.#askedMs < FORGET_MS) return
    this.#kept = null
    this.#answer = null
  }

  async #read(): Promise<AttestedIntentions> {
    const { log, residence } = this.#options
    if (this.#answer?.position === log.position) return this.#answer.intentions
    const { position } = log
    const { intentions, invalid } = await residence.intentions()
    // It may have been forgotten between the question and the turn; then nobody is known.
    const deliverers = this.#kept?.deliverers ?? new Deliverers()
    const attested = { intentions: intentions.map(each => attest(each, deliverers)), invalid }
    this.#answer = { position, intentions: attested }
    return attested
  }

  /** What is on its way to the disk is taken first: what is committed meanwhile is then in one of the two. */
  #keep(): Kept {
    const { store, commits, name } = this.#options
    const deliverers = new Deliverers()
    for (const { deliveries } of commits.pending(name)) deliverers.add(deliveries)
    const isWhole = store.attribution(name).then(
      stored => deliverers.add(stored),
      error => {
        this.#kept = null
        throw error
      },
    )
    return { deliverers, isWhole }
  }
}

const attest = ({ intention, items }: WrittenIntention, deliverers: Deliverers): AttestedIntention => {
  const deliveredBy = Object.fromEntries(
    Object.entries(items).map(([name, range]) => [name, deliverers.of(range)]),
  )
  const isBy = (user: string | null | undefined): boolean => user === intention.by
  return { ...intention, verified: isBy(deliveredBy.entry) && isBy(deliveredBy.by), deliveredBy }
}
