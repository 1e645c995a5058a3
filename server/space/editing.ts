/**
 * Brings a batch of document messages into the document: one transaction, and where an update throws, the
 * document is rebuilt from what is stored and the rest is applied without the offender.
 */
import { type ErrorCode, PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { type ApplyResult, type Engine, type EngineOutcome, EngineStuck } from './engine.js'
import type { SpaceLimits } from './limits.js'
import { type LoadContext, type LoadedSpace, loadSpace } from './loading.js'
import type { Scheduler } from './scheduler.js'
import type { Inbound } from './session.js'
import type { SpaceLog } from './space-log.js'

/** What was applied: an outcome per message, and every update event. */
export interface Applied {
  readonly messages: readonly Inbound[]
  readonly outcomes: readonly EngineOutcome[]
  readonly updates: readonly Uint8Array[]
}

export interface EditingOptions extends LoadContext {
  readonly name: SpaceName
  readonly engine: Engine
  readonly scheduler: Scheduler
  readonly limits: SpaceLimits
  readonly log: SpaceLog
  /** What the document was built from: a rebuild must find the same. */
  readonly loaded: Pick<LoadedSpace, 'generation' | 'quarantine'>
  /** Relays and logs; afterwards a rebuild finds it. */
  publish(applied: Applied): void
  reject(message: Inbound, code: ErrorCode, reason: string): void
}

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
    const { engine, observer, name, publish, reject } = this.#options
    const mayGrow = await this.#mayGrow()
    let messages = batch.filter(isWanted)
    while (messages.length > 0) {
      const inputs = messages.map(({ kind, update, mayEdit }) => ({ kind, update, mayEdit, mayGrow }))
      const result = await engine.apply(name, inputs)
      if (result.type === 'applied') {
        publish({ messages, ...result })
        return { messages, outcomes: result.outcomes }
      }
      const isStuck = result.cause instanceof EngineStuck
      observer.count('rebuilds')
      if (isStuck) observer.count('stuck')
      observer.report(
        'warn',
        `an update ${isStuck ? 'took too long' : 'threw'} and the document was rebuilt`,
        {
          space: name,
          cause: result.cause,
        },
      )
      await this.rebuild()
      const offender = offenderOf(messages, result)
      if (offender === null) return this.#applyEach(messages)
      reject(offender, 'unappliable', 'the update cannot be integrated')
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

  /**
   * Builds the document again from what is stored and what is on its way there: exactly what has been relayed.
   * @throws load_failed
   */
  async rebuild(): Promise<void> {
    const { name, log, loaded } = this.#options
    const { generation, quarantine, position } = await loadSpace(name, this.#options)
    if (generation !== loaded.generation || quarantine !== loaded.quarantine || position !== log.position) {
      throw new PlenumError('load_failed', 'what is stored is no longer what was relayed')
    }
  }

  async #mayGrow(): Promise<boolean> {
    const { limits, engine, scheduler, log, name } = this.#options
    if (log.documentBytes < limits.maxDocumentBytes) return true
    const nowMs = scheduler.elapsed()
    if (nowMs - this.#quotaCheckedMs >= QUOTA_CHECK_MS) {
      this.#quotaCheckedMs = nowMs
      log.measured((await engine.diff(name, null)).length)
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
