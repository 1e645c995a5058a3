/**
 * What comes of a message for whoever sent it: acknowledged once it is on disk, refused for good, or left
 * unacknowledged and asked for again.
 */
import { assertNever, type ErrorCode } from '../../shared/errors.js'
import type { EngineOutcome } from './engine.js'
import type { Holding } from './holding.js'
import type { Observer } from './observer.js'
import type { Inbound, Receipt, Session } from './session.js'
import type { SpaceLog } from './space-log.js'

export interface SettlingOptions {
  readonly observer: Observer
  readonly log: SpaceLog
  readonly holding: Holding
  readonly space: {
    /** Asks a connection for what it has. */
    ask(session: Session): void
  }
}

export class Settling {
  readonly #options: SettlingOptions

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  settle(message: Inbound, outcome: EngineOutcome): void {
    const { observer, log, holding, space } = this.#options
    const { session, number, reply, replies, receipt } = message
    if (session.ledger.isRefused(number)) return
    if (receipt !== undefined) {
      this.#tell(receipt, outcome)
      return
    }
    switch (outcome.type) {
      case 'gap':
        observer.count('gaps')
        session.ledger.discarded(replies)
        if (holding.isHeld(session)) return
        if (session.ledger.needsStep1 && session.mayAskAt(log.position)) space.ask(session)
        return
      case 'held':
        observer.count('held')
        session.ledger.discarded(replies)
        holding.hold(session, outcome.held)
        return
      case 'refused':
        if (outcome.code === 'malformed') session.close('malformed', outcome.reason)
        else this.reject(message, outcome.code, outcome.reason)
        return
      case 'pending-dropped':
        observer.count('pending_dropped')
        break
      case 'ignored':
        if (!outcome.extras) break
        observer.count('reader_extras')
        session.notify('read-only')
        break
      case 'applied':
        break
      default:
        assertNever(outcome)
    }
    session.ledger.handled(number, reply, log.position)
    session.durable(log.durablePosition)
  }

  reject({ session, number, receipt }: Inbound, code: ErrorCode, reason: string): void {
    this.#options.observer.count('rejections')
    if (receipt !== undefined) receipt.refuse(code, reason)
    else session.reject(number, code, reason)
  }

  /** Their senders have them, and are asked when writing goes on. @param code why it does not */
  discard(messages: readonly Inbound[], code: 'degraded' | 'quarantined'): void {
    this.#options.observer.count('discarded', messages.length)
    for (const { session, replies, receipt } of messages) {
      if (receipt !== undefined) receipt.refuse(code)
      else session.ledger.discarded(replies)
    }
  }

  /** Nobody is asked again: whoever waits is told, and has it still. */
  #tell(receipt: Receipt, outcome: EngineOutcome): void {
    const { observer } = this.#options
    if (outcome.type === 'gap') observer.count('gaps')
    if (outcome.type === 'held') observer.count('held')
    if (outcome.type === 'refused') observer.count('rejections')
    receipt.settle(outcome)
  }

  /** Whose messages had something left out that they may bring by now are asked for it. */
  release(): void {
    const { holding, space } = this.#options
    for (const session of holding.release()) space.ask(session)
  }
}
