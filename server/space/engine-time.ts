/**
 * What each connection's messages cost the engine. One that has used up its allowance is not read from until it has
 * grown again, and one that owes too much all the same is closed: nobody's cleverest updates take more than a share
 * of a core.
 */
import { type Allowance, type AllowanceTerms, leftAt, newAllowance, spend } from './allowance.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'
import { loneSender } from './senders.js'
import type { Inbound, Session } from './session.js'

export interface EngineTimeOptions {
  readonly scheduler: Scheduler
  readonly observer: Observer
  readonly limits: Pick<SpaceLimits, 'engineBurstMs' | 'engineSharePercent'>
}

/** A message costs something however short it is. */
const BYTES_PER_MESSAGE = 64
/** Answering a state vector: each client in it is looked up and sorted. */
const QUESTION_BYTES_PER_MS = 10_000
/** How many bursts may be owed: what was received already is still applied. */
const MAX_BURSTS_OWED = 5

export class EngineTime {
  readonly #options: EngineTimeOptions
  readonly #terms: AllowanceTerms
  readonly #allowances = new Map<Session, Allowance>()
  /** Connections that are not read from, and what lets them go on. */
  readonly #paused = new Map<Session, () => void>()

  constructor(options: EngineTimeOptions) {
    const { engineBurstMs, engineSharePercent } = options.limits
    this.#options = options
    this.#terms = {
      share: engineSharePercent / 100,
      burstMs: engineBurstMs,
      maxDebtMs: 2 * MAX_BURSTS_OWED * engineBurstMs,
    }
  }

  /** Shares out what one batch cost. */
  charge(messages: readonly Inbound[], costMs: number): void {
    const lone = loneSender(messages)
    if (lone !== null) {
      this.#spend(lone, costMs)
      return
    }
    const bytesOf = ({ update }: Inbound): number => update.length + BYTES_PER_MESSAGE
    const bytes = messages.reduce((sum, message) => sum + bytesOf(message), 0)
    const costs = new Map<Session, number>()
    for (const message of messages) {
      const costOfIt = (costMs * bytesOf(message)) / bytes
      costs.set(message.session, (costs.get(message.session) ?? 0) + costOfIt)
    }
    for (const [session, costOfIts] of costs) this.#spend(session, costOfIts)
  }

  /** A step 1 is answered with a diff. */
  asked(session: Session, stateVector: Uint8Array): void {
    this.#spend(session, stateVector.length / QUESTION_BYTES_PER_MS)
  }

  /** @returns a promise while the sender should not be read from */
  pause(session: Session): Promise<void> | undefined {
    if (this.#left(session) >= 0 || !session.isOpen) return
    this.#options.observer.count('slowed')
    return new Promise(resolve => this.#paused.set(session, resolve))
  }

  /** Whether it has used more than has grown again. */
  owes(session: Session): boolean {
    return this.#allowances.has(session)
  }

  /** Once a second. */
  sweep(): void {
    for (const session of this.#allowances.keys()) {
      if (this.#left(session) === this.#terms.burstMs) this.#allowances.delete(session)
    }
    for (const [session, goOn] of this.#paused) {
      if (this.#left(session) < 0) continue
      this.#paused.delete(session)
      goOn()
    }
  }

  leave(session: Session): void {
    this.#allowances.delete(session)
    this.#paused.get(session)?.()
    this.#paused.delete(session)
  }

  #spend(session: Session, costMs: number): void {
    if (!session.isOpen) return
    const nowMs = this.#options.scheduler.elapsed()
    const before = this.#allowances.get(session) ?? newAllowance(this.#terms, nowMs)
    const after = spend(before, this.#terms, { costMs, nowMs })
    this.#allowances.set(session, after)
    if (after.leftMs > -MAX_BURSTS_OWED * this.#terms.burstMs) return
    this.#options.observer.count('too_costly')
    // What it still has waiting is dropped.
    session.ledger.rejected(1)
    session.close('rate_limited', 'its messages take too long to merge')
  }

  #left(session: Session): number {
    const allowance = this.#allowances.get(session)
    if (allowance === undefined) return this.#terms.burstMs
    // It only grows until something is spent.
    if (allowance.leftMs >= 0) return allowance.leftMs
    return leftAt(allowance, this.#terms, this.#options.scheduler.elapsed())
  }
}
