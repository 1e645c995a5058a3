/**
 * Brings connections up to date: asks them for what they have, answers what they ask, and takes care of those
 * that read too slowly. A slow one is sent nothing more, and one diff once it has drained: never a stream with
 * holes, and never more waiting for it than its budget and that diff.
 */
import { assertNever, toPlenumError } from '../../shared/errors.js'
import { EMPTY_UPDATE } from '../../shared/protocol/index.js'
import { EngineStuck } from './engine.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { PresenceRelay } from './presence-relay.js'
import type { Residence } from './residence.js'
import type { Scheduler } from './scheduler.js'
import { JOINING, LIVE, type Question, type Session } from './session.js'
import type { SpaceLog } from './space-log.js'

/** What waits for the end of the current turn's edits, in order. */
export type Errand =
  | { readonly type: 'ask'; readonly session: Session }
  | { readonly type: 'answer'; readonly session: Session; readonly question: Question }
  | { readonly type: 'presence'; readonly session: Session }
  | { readonly type: 'catch-up'; readonly session: Session }

export interface CatchingUpOptions {
  readonly residence: Residence
  readonly scheduler: Scheduler
  readonly observer: Observer
  readonly limits: SpaceLimits
  readonly log: SpaceLog
  readonly presence: PresenceRelay
  readonly sessions: ReadonlySet<Session>
}

export class CatchingUp {
  readonly #options: CatchingUpOptions
  #errands: Errand[] = []

  constructor(options: CatchingUpOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#errands.length === 0
  }

  /** Whether a connection waits for its diff. */
  get isAnyBehind(): boolean {
    for (const { flow } of this.#options.sessions) if (flow.type === 'behind') return true
    return false
  }

  add(errand: Errand): void {
    this.#errands.push(errand)
  }

  /** Runs what is there now; what it brings up is for the next turn. The document must not change meanwhile. */
  async run(): Promise<void> {
    for (let left = this.#errands.length; left > 0; left--) {
      const errand = this.#errands.shift()
      if (errand === undefined) break
      try {
        await this.#cutIfSlow(errand.session)
        if (errand.session.isOpen) await this.#runOne(errand)
        else settle(errand)
        // A crowd that joins is not looked at as a whole for each of them.
        await this.#cutIfSlow(errand.session)
      } catch (error) {
        settle(errand)
        const { code, message } = toPlenumError(error)
        // What takes the engine too long to answer is whoever asked it.
        if (error instanceof EngineStuck) errand.session.close('rate_limited', 'the answer takes too long')
        else if (code === 'malformed') errand.session.close(code, message)
        else throw error
      }
    }
    // A list that has been long stays long.
    if (this.isEmpty) this.#errands = []
  }

  /** Drops everything; nobody waits any more. */
  clear(): void {
    for (const errand of this.#errands) settle(errand)
    this.#errands = []
  }

  /** Whether somebody has more waiting than the budget. */
  get isAnySlow(): boolean {
    const { sessions, limits } = this.#options
    for (const { flow, peer } of sessions) {
      if (flow.type !== 'behind' && peer.bufferedBytes > limits.peerBudgetBytes) return true
    }
    return false
  }

  /** Whoever has more waiting than the budget is not sent more. To be called before the document changes again. */
  async cutSlow(): Promise<void> {
    const { sessions, limits } = this.#options
    for (const session of sessions) {
      if (session.peer.bufferedBytes > limits.peerBudgetBytes) await this.#cutIfSlow(session)
    }
  }

  /** The connection may have taken what waited for it. @returns whether there is something to do for it now */
  drained(session: Session): boolean {
    const { flow, peer } = session
    if (flow.type !== 'behind' || flow.isQueued) return false
    if (peer.bufferedBytes > this.#options.limits.peerBudgetBytes / 2) return false
    flow.isQueued = true
    this.add({ type: 'catch-up', session })
    return true
  }

  /** Closes a slow connection that took nothing until its deadline. */
  sweep(session: Session, nowMs: number): void {
    const { flow, peer } = session
    if (flow.type !== 'behind') return
    const bufferedBytes = peer.bufferedBytes
    if (bufferedBytes < flow.lastBufferedBytes) flow.stalledSinceMs = nowMs
    flow.lastBufferedBytes = bufferedBytes
    if (nowMs - flow.stalledSinceMs < this.#options.limits.slowPeerDeadlineMs) return
    this.#options.observer.count('too_slow')
    session.close('too_slow')
  }

  async #runOne(errand: Errand): Promise<void> {
    const { session } = errand
    const { residence } = this.#options
    switch (errand.type) {
      case 'ask':
        session.sendStep1(await residence.stateVector())
        return
      case 'answer':
        return this.#answer(session, errand.question)
      case 'presence':
        this.#options.presence.sendAll(session)
        return
      case 'catch-up':
        return this.#catchUp(session)
      default:
        assertNever(errand)
    }
  }

  /** Whoever asks without reading is answered when they have read. */
  async #answer(session: Session, question: Question): Promise<void> {
    const { flow } = session
    if (flow.type === 'behind') {
      flow.question?.done()
      flow.question = question
      return
    }
    if (!(await this.#resume(session))) {
      session.sendFrame(await this.#options.residence.step2(question.stateVector))
    }
    question.done()
    this.#becomeLive(session)
  }

  /** Whoever holds everything up to a position of late is sent what came since, in place of the first answer. */
  async #resume(session: Session): Promise<boolean> {
    const { log, observer, residence } = this.#options
    if (session.flow.type !== 'joining' || session.resumeAfter === null) return false
    const missed = log.since(session.resumeAfter)
    if (missed === null) return false
    observer.count('resumes')
    const update = missed.length > 0 ? await residence.join(missed) : EMPTY_UPDATE
    if (update === null) for (const one of missed) session.send({ type: 'update', update: one })
    session.send({ type: 'step2', update: update ?? EMPTY_UPDATE })
    return true
  }

  async #catchUp(session: Session): Promise<void> {
    const { residence, observer, presence } = this.#options
    const { flow } = session
    if (flow.type !== 'behind') return
    observer.count('catch_ups')
    if (flow.question !== null) {
      session.sendFrame(await residence.step2(flow.question.stateVector))
      flow.question.done()
    } else if (flow.since === null) {
      session.flow = JOINING
      presence.sendMissed(session, flow.missedClocks)
      return
    } else {
      session.send({ type: 'update', update: await residence.diff(flow.since) })
    }
    this.#becomeLive(session)
  }

  #becomeLive(session: Session): void {
    const { log, presence } = this.#options
    const { flow } = session
    session.flow = LIVE
    session.sentPosition = log.position
    if (flow.type === 'behind') presence.sendMissed(session, flow.missedClocks)
    session.durable(log.durablePosition)
  }

  async #cutIfSlow(session: Session): Promise<void> {
    if (!session.isOpen) return
    const { limits, observer, scheduler, residence } = this.#options
    const bufferedBytes = session.peer.bufferedBytes
    if (session.flow.type === 'behind' || bufferedBytes <= limits.peerBudgetBytes) return
    observer.count('collapses')
    session.flow = {
      type: 'behind',
      since: session.flow.type === 'live' ? await residence.stateVector() : null,
      question: null,
      missedClocks: new Map(),
      lastBufferedBytes: bufferedBytes,
      stalledSinceMs: scheduler.elapsed(),
      isQueued: false,
    }
  }
}

const settle = (errand: Errand): void => {
  if (errand.type === 'answer') errand.question.done()
}
