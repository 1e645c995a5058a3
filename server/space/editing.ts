/**
 * Brings a batch of document messages into the document: one transaction, and where an update throws, the
 * document is rebuilt from what is stored and the rest is applied without the offender.
 */
import type { SpaceName } from '../../shared/names.js'
import { type ApplyResult, type EngineOutcome, EngineStuck } from './engine.js'
import type { EngineTime } from './engine-time.js'
import type { Holding } from './holding.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { Applied, Publishing } from './publishing.js'
import type { Residence } from './residence.js'
import type { Scheduler } from './scheduler.js'
import type { Inbound } from './session.js'
import type { Settling } from './settling.js'
import type { SpaceLog } from './space-log.js'
import type { Writability } from './writability.js'

export interface EditingOptions {
  readonly name: SpaceName
  readonly residence: Residence
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly limits: SpaceLimits
  readonly log: SpaceLog
  readonly settling: Settling
  readonly publishing: Publishing
  readonly holding: Holding
  readonly writability: Writability
  readonly engineTime: EngineTime
  readonly space: {
    /** The engine got stuck in a batch. */
    stuck(): void
  }
}

/** For what brings nothing new. */
const NOTHING_NEW: EngineOutcome = Object.freeze({ type: 'applied', ranges: [] })
/** At its quota, how often the exact size of a document is looked up, ms. */
const QUOTA_CHECK_MS = 1000

export class Editing {
  readonly #options: EditingOptions
  #quotaCheckedMs = Number.NEGATIVE_INFINITY
  /** What the last look at the exact size said. */
  #isFull = false

  constructor(options: EditingOptions) {
    this.#options = options
  }

  /**
   * Applies and publishes. Messages that were refused before the engine saw them are not among the applied.
   * @throws load_failed where the document had to be rebuilt and could not be
   */
  async apply(batch: readonly Inbound[]): Promise<Omit<Applied, 'updates'>> {
    const { residence, observer, name, limits, log } = this.#options
    const { settling, publishing, holding, writability, engineTime, space } = this.#options
    if (residence.isResting && (await residence.knows(batch.map(({ update }) => update)))) {
      return { messages: batch, outcomes: batch.map(() => NOTHING_NEW) }
    }
    const mayGrow = log.documentBytes < limits.maxDocumentBytes || (await this.#hasRoom())
    let messages = batch.filter(isWanted)
    while (messages.length > 0) {
      if (writability.isReadOnly) {
        settling.discard(messages, 'quarantined')
        break
      }
      const inputs = messages.map(message => {
        const { kind, update, mayEdit } = message
        const guard = holding.guardOf(message)
        return guard === undefined
          ? { kind, update, mayEdit, mayGrow }
          : { kind, update, mayEdit, mayGrow, guard }
      })
      const result = await residence.apply(inputs)
      if (result.type === 'applied') {
        const { outcomes, updates, costMs = 0 } = result
        engineTime.charge(messages, costMs)
        publishing.publish({ messages, outcomes, updates })
        return { messages, outcomes }
      }
      const isStuck = result.cause instanceof EngineStuck
      observer.count('rebuilds')
      if (isStuck) space.stuck()
      observer.report(
        'warn',
        `an update ${isStuck ? 'took too long' : 'threw'} and the document was rebuilt`,
        {
          space: name,
          cause: result.cause,
        },
      )
      await residence.rebuild()
      const offender = offenderOf(messages, result)
      if (offender === null) return this.#applyEach(messages)
      settling.reject(offender, 'unappliable', 'the update cannot be integrated')
      messages = messages.filter(message => message !== offender && isWanted(message))
    }
    return { messages: [], outcomes: [] }
  }

  async #applyEach(batch: readonly Inbound[]): Promise<Omit<Applied, 'updates'>> {
    const messages: Inbound[] = []
    const outcomes: EngineOutcome[] = []
    for (const message of batch) {
      // A message that was refused meanwhile takes the later ones of its connection with it.
      const one = await this.apply([message])
      messages.push(...one.messages)
      outcomes.push(...one.outcomes)
    }
    return { messages, outcomes }
  }

  /** The bound on the document's size was reached: is it really that large? */
  async #hasRoom(): Promise<boolean> {
    const { limits, residence, scheduler, log } = this.#options
    const nowMs = scheduler.elapsed()
    if (nowMs - this.#quotaCheckedMs >= QUOTA_CHECK_MS) {
      this.#quotaCheckedMs = nowMs
      log.measured(await residence.measure())
      this.#isFull = log.documentBytes >= limits.maxDocumentBytes
    }
    return !this.#isFull
  }
}

/** Null where it is one of several. */
const offenderOf = (
  messages: readonly Inbound[],
  { offender }: Extract<ApplyResult, { type: 'broken' }>,
): Inbound | null => {
  if (offender === null && messages.length > 1) return null
  return messages[offender ?? 0] ?? null
}

/** Whatever a connection sent from its first refused message on is dropped undecoded. */
export const isWanted = ({ session, number }: Inbound): boolean => !session.ledger.isRefused(number)
