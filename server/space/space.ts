/**
 * One open space. Everything that needs the document happens in turns, one at a time: a turn applies the inbox as
 * one batch, relays and logs what came of it, then answers those who need to be brought up to date. Nothing
 * is acknowledged before it is on disk, and nobody is sent a stream with holes.
 */
import { assertNever, type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { encodeMessage } from '../../shared/protocol/index.js'
import { type CommitQueue, flushBytes } from './commit-queue.js'
import { compactionDue } from './compaction-policy.js'
import type { ApplyResult, Engine, EngineOutcome } from './engine.js'
import { afterTurn, type FlushWindow, flushDelayMs, openWindow } from './flush-window.js'
import type { SpaceLimits } from './limits.js'
import { type LoadedSpace, loadSpace } from './loading.js'
import type { Observer } from './observer.js'
import { PresenceRelay } from './presence-relay.js'
import type { Scheduler } from './scheduler.js'
import type { Inbound, Question, Session, SpaceInbox } from './session.js'
import type { Delivery, LoggedFlush, UpdateStore } from './update-store.js'

export interface SpaceOptions {
  readonly name: SpaceName
  readonly engine: Engine
  readonly store: UpdateStore
  readonly commits: CommitQueue
  readonly scheduler: Scheduler
  readonly observer: Observer
  readonly limits: SpaceLimits
  /** The log has outgrown the snapshot. */
  onCompactionDue(space: Space): void
  /** The space cannot go on; its connections are closed and nothing of it may be used again. */
  onFailed(space: Space): void
}

/** What waits for the end of the current turn's edits, in order. */
type Errand =
  | { readonly type: 'ask'; readonly session: Session }
  | { readonly type: 'answer'; readonly session: Session; readonly question: Question }
  | { readonly type: 'presence'; readonly session: Session }
  | { readonly type: 'catch-up'; readonly session: Session }

type Applied = Extract<ApplyResult, { type: 'applied' }>

/** At most so many messages are one transaction: a turn must end. */
const MAX_BATCH = 2000
/** At its quota, how often the exact size of a document is looked up, ms. */
const QUOTA_CHECK_MS = 1000

export class Space implements SpaceInbox {
  readonly #options: SpaceOptions
  readonly #sessions = new Set<Session>()
  readonly #presence: PresenceRelay
  readonly #generation: number
  #quarantine: string | null
  #position: number
  #durablePosition: number
  #snapshotBytes: number
  #tailBytes: number
  #tailUpdates: number
  #documentBytes: number
  #quotaCheckedMs = Number.NEGATIVE_INFINITY
  /** What the last look at the exact size said. */
  #isFull = false
  #inbox: Inbound[] = []
  #inboxBytes = 0
  #room: { readonly promise: Promise<void>; open(): void } | null = null
  #errands: Errand[] = []
  /** Sessions with document messages that are handled and not on disk. */
  readonly #unacked = new Set<Session>()
  #window: FlushWindow
  #isTurning = false
  #cancelTimer: (() => void) | null = null
  #isClosed = false
  #emptySinceMs: number
  #stateVector: Uint8Array | null = null
  /** The step 2 for a client that has nothing, as long as the document does not change. */
  #fullState: Uint8Array | null = null
  #idleWaiters: (() => void)[] = []

  /** @throws load_failed, and nothing stays behind */
  static async open(options: SpaceOptions): Promise<Space> {
    const space = new Space(options, await loadSpace(options.name, options))
    return space
  }

  private constructor(options: SpaceOptions, loaded: LoadedSpace) {
    this.#options = options
    this.#presence = new PresenceRelay({
      sessions: this.#sessions,
      observer: options.observer,
      maxStateBytes: options.limits.maxAwarenessBytes,
    })
    this.#generation = loaded.generation
    this.#quarantine = loaded.quarantine
    this.#position = loaded.position
    this.#durablePosition = loaded.durablePosition
    this.#snapshotBytes = loaded.snapshotBytes
    this.#tailBytes = loaded.tailBytes
    this.#tailUpdates = loaded.tailUpdates
    this.#documentBytes = loaded.snapshotBytes + loaded.tailBytes
    this.#emptySinceMs = options.scheduler.elapsed()
    this.#window = openWindow(this.#emptySinceMs)
  }

  get name(): SpaceName {
    return this.#options.name
  }

  get peerCount(): number {
    return this.#sessions.size
  }

  /** Names the life of the content, together with the store's id. */
  get incarnation(): string {
    return `${this.#options.store.id}.${this.#generation}`
  }

  /** What was received and not looked at yet. */
  get unappliedBytes(): number {
    return this.#inboxBytes
  }

  /** Whether anything is applied, answered or relayed later than now. */
  get isIdle(): boolean {
    return !this.#isTurning && this.#inbox.length === 0 && this.#errands.length === 0
  }

  /** Empty for long enough, and nothing of it is anywhere but on disk. */
  isEvictable(nowMs: number): boolean {
    return (
      this.#sessions.size === 0 &&
      this.isIdle &&
      this.#options.commits.uncommittedBytesOf(this.name) === 0 &&
      nowMs - this.#emptySinceMs >= this.#options.limits.evictAfterMs
    )
  }

  /** Adds a connection: it is asked for what it has, and answered when it asks. */
  join(session: Session): void {
    this.#sessions.add(session)
    if (this.#options.commits.isDegraded) session.notify('degraded')
    if (this.#quarantine !== null) session.notify('read-only')
    this.#run({ type: 'ask', session })
  }

  submit(message: Inbound): void | Promise<void> {
    if (message.kind === 'step2' && !message.session.hasPresence) this.#presence.sendAll(message.session)
    this.#inbox.push(message)
    this.#inboxBytes += message.update.length
    this.#schedule()
    if (this.#inboxBytes > this.#options.limits.maxInboxBytes) return this.#whenRoom()
  }

  catchUp(session: Session, stateVector: Uint8Array): Promise<void> {
    return new Promise(done => this.#run({ type: 'answer', session, question: { stateVector, done } }))
  }

  announce(session: Session, update: Uint8Array): void {
    this.#presence.announce(session, update)
    if (this.#presence.hasChanges) this.#schedule()
  }

  sendPresence(session: Session): void {
    this.#run({ type: 'presence', session })
  }

  drained(session: Session): void {
    const { flow, peer } = session
    if (flow.type !== 'behind' || flow.isQueued) return
    if (peer.bufferedBytes > this.#options.limits.peerBudgetBytes / 2) return
    flow.isQueued = true
    this.#run({ type: 'catch-up', session })
  }

  leave(session: Session): void {
    if (session.flow.type === 'behind') session.flow.question?.done()
    if (!this.#sessions.delete(session)) return
    this.#unacked.delete(session)
    this.#presence.leave(session)
    if (this.#sessions.size === 0) this.#emptySinceMs = this.#options.scheduler.elapsed()
  }

  /** The log is on disk up to `position`. */
  durable(position: number): void {
    this.#durablePosition = Math.max(this.#durablePosition, position)
    for (const session of this.#unacked) {
      session.durable(this.#durablePosition)
      if (session.ledger.isSettled) this.#unacked.delete(session)
    }
    if (this.#inbox.length > 0) this.#schedule()
    const due = compactionDue({
      snapshotBytes: this.#snapshotBytes,
      tailBytes: this.#tailBytes,
      tailUpdates: this.#tailUpdates,
    })
    if (due) this.#options.onCompactionDue(this)
  }

  /**
   * A compaction ended.
   * @param snapshotBytes the verified snapshot's size; null where none was made: it is tried again when the log
   *   has grown as much again
   */
  compacted(snapshotBytes: number | null): void {
    this.#snapshotBytes = snapshotBytes ?? this.#snapshotBytes
    this.#tailBytes = 0
    this.#tailUpdates = 0
  }

  /** Nothing of this space is uncommitted. */
  caughtUp(): void {
    this.durable(this.#position)
  }

  /** Nothing may be written any more; what can be read is served. */
  quarantine(reason: string): void {
    this.#quarantine = reason
    for (const session of this.#sessions) session.notify('read-only')
  }

  degraded(): void {
    for (const session of this.#sessions) session.notify('degraded')
    // What waited for the disk is discarded instead.
    if (this.#inbox.length > 0) this.#schedule()
  }

  /** Storage works again: everybody is asked for what was discarded meanwhile. */
  recovered(): void {
    for (const session of this.#sessions) {
      session.notify('recovered')
      this.#run({ type: 'ask', session })
    }
  }

  notifyDraining(retryAfterMs: number): void {
    for (const session of this.#sessions) session.notify('draining', retryAfterMs)
  }

  /**
   * Closes connections with this code; those that stay are not told of each that goes.
   * @returns how many were closed
   */
  closeSessions(code: ErrorCode, reason?: string, atMost = Number.POSITIVE_INFINITY): number {
    const sessions = [...this.#sessions].slice(0, atMost)
    for (const session of sessions) {
      this.#sessions.delete(session)
      this.#unacked.delete(session)
      session.close(code, reason)
    }
    if (this.#sessions.size === 0) {
      this.#presence.clear()
      this.#emptySinceMs = this.#options.scheduler.elapsed()
    }
    return sessions.length
  }

  /** Once a second. */
  sweep(wallMs: number): void {
    const nowMs = this.#options.scheduler.elapsed()
    for (const session of this.#sessions) {
      session.sweep({ wallMs, elapsedMs: nowMs }, this.#durablePosition)
      this.#sweepSlow(session, nowMs)
    }
  }

  /** Resolves when everything that was received is applied. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle && !this.#isClosed)
      await new Promise<void>(resolve => this.#idleWaiters.push(resolve))
  }

  /**
   * Frees the document and stops every timer. Connections must be gone. What a turn under way brings is neither
   * relayed nor logged: its positions may be another's by then.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#settleWaiters()
    while (this.#isTurning) await new Promise<void>(resolve => this.#idleWaiters.push(resolve))
    await this.#options.engine.close(this.name)
  }

  #run(errand: Errand): void {
    this.#errands.push(errand)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isTurning || this.#isClosed) return
    const { scheduler } = this.#options
    const isUrgent = this.#errands.length > 0
    const delayMs = isUrgent ? 0 : flushDelayMs(this.#window, scheduler.elapsed())
    if (delayMs > 0) {
      this.#cancelTimer ??= scheduler.after(delayMs, () => void this.#turn())
      return
    }
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#isTurning = true
    scheduler.soon(() => void this.#turn())
  }

  async #turn(): Promise<void> {
    const { scheduler } = this.#options
    this.#cancelTimer = null
    this.#isTurning = true
    const startMs = scheduler.elapsed()
    try {
      if (!this.#isClosed) await this.#flush()
      if (!this.#isClosed) await this.#runErrands()
      this.#presence.flush()
    } catch (error) {
      this.fail(toPlenumError(error))
    }
    const turn = { startMs, endMs: scheduler.elapsed() }
    this.#window = afterTurn(this.#window, turn, this.#options.limits.flushWindowMaxMs)
    this.#isTurning = false
    this.#openRoom()
    if (
      this.#errands.length > 0 ||
      this.#presence.hasChanges ||
      (this.#inbox.length > 0 && !this.#isBlocked)
    ) {
      this.#schedule()
    }
    if (this.isIdle || this.#isClosed) this.#settleWaiters()
  }

  /** The disk is too far behind: applying more would only pile it up. */
  get #isBlocked(): boolean {
    const { commits, limits } = this.#options
    return !commits.isDegraded && commits.uncommittedBytesOf(this.name) > limits.maxUncommittedBytes
  }

  async #flush(): Promise<void> {
    if (this.#inbox.length === 0 || this.#isBlocked) return
    const batch = this.#takeBatch()
    const { observer, commits } = this.#options
    observer.count('document_messages', batch.length)
    if (commits.isDegraded || this.#quarantine !== null) return this.#discard(batch)
    if (batch.length === 0) return
    const { messages, result } = await this.#apply(batch)
    observer.count('flushes')
    this.#relayAndLog(messages, result)
    for (const [i, message] of messages.entries()) this.#settle(message, result.outcomes[i]!)
    await this.#cutSlow()
  }

  #takeBatch(): Inbound[] {
    const batch = this.#inbox.slice(0, MAX_BATCH)
    this.#inbox = this.#inbox.slice(MAX_BATCH)
    for (const { update } of batch) this.#inboxBytes -= update.length
    return batch.filter(isWanted)
  }

  #discard(batch: readonly Inbound[]): void {
    this.#options.observer.count('discarded', batch.length)
    for (const { session, replies } of batch) session.ledger.discarded(replies)
  }

  /** Applies as one transaction; whoever makes it throw is refused, and the rest is applied without them. */
  async #apply(batch: Inbound[]): Promise<{ messages: Inbound[]; result: Applied }> {
    const { engine, observer, name } = this.#options
    const mayGrow = await this.#mayGrow()
    // A message that was refused meanwhile takes the later ones of its connection with it.
    let messages = batch.filter(isWanted)
    while (messages.length > 0) {
      const inputs = messages.map(({ kind, update, mayEdit }) => ({ kind, update, mayEdit, mayGrow }))
      const result = await engine.apply(name, inputs)
      this.#stateVector = null
      if (result.type === 'applied') return { messages, result }
      observer.count('rebuilds')
      observer.report('warn', 'an update threw and the document was rebuilt', {
        space: name,
        cause: result.cause,
      })
      await this.#rebuild()
      if (result.offender === null && messages.length > 1) return this.#applyEach(messages)
      const offender = messages[result.offender ?? 0]!
      this.#reject(offender, 'unappliable', 'the update cannot be integrated')
      messages = messages.filter(message => message !== offender && isWanted(message))
    }
    return { messages, result: { type: 'applied', outcomes: [], updates: [] } }
  }

  async #applyEach(batch: readonly Inbound[]): Promise<{ messages: Inbound[]; result: Applied }> {
    const messages: Inbound[] = []
    const outcomes: EngineOutcome[] = []
    const updates: Uint8Array[] = []
    for (const message of batch) {
      const one = await this.#apply([message])
      messages.push(...one.messages)
      outcomes.push(...one.result.outcomes)
      // Logged at once: the next rebuild must find it.
      this.#relayAndLog(one.messages, one.result)
    }
    return { messages, result: { type: 'applied', outcomes, updates } }
  }

  /** What is stored and what is on its way there: exactly what has been relayed. */
  async #rebuild(): Promise<void> {
    const { generation, quarantine, position } = await loadSpace(this.name, this.#options)
    if (generation !== this.#generation || quarantine !== this.#quarantine || position !== this.#position) {
      throw new PlenumError('load_failed', 'what is stored is no longer what was relayed')
    }
  }

  async #mayGrow(): Promise<boolean> {
    const { limits, engine, scheduler } = this.#options
    if (this.#documentBytes < limits.maxDocumentBytes) return true
    const nowMs = scheduler.elapsed()
    if (nowMs - this.#quotaCheckedMs >= QUOTA_CHECK_MS) {
      this.#quotaCheckedMs = nowMs
      this.#documentBytes = (await engine.diff(this.name, null)).length
      this.#isFull = this.#documentBytes >= limits.maxDocumentBytes
    }
    return !this.#isFull
  }

  #relayAndLog(messages: readonly Inbound[], { outcomes, updates }: Applied): void {
    if (updates.length === 0) return
    const senders = new Set(messages.map(({ session }) => session))
    const users = new Set(messages.map(({ user }) => user))
    const deliveries: Delivery[] = []
    for (const [i, outcome] of outcomes.entries()) {
      if (!('ranges' in outcome)) continue
      for (const range of outcome.ranges) deliveries.push({ user: messages[i]!.user, ...range })
    }
    const inputs =
      users.size > 1
        ? messages.filter((_, i) => 'ranges' in outcomes[i]!).map(({ user, update }) => ({ user, update }))
        : []
    this.#log({ updates, inputs, deliveries })
    // A lone sender has every byte of a lone event; a second event is a clean-up that it may lack.
    const [sender] = senders
    this.#relay(updates, senders.size === 1 && updates.length === 1 ? sender! : null)
  }

  #log(content: Omit<LoggedFlush, 'position'>): void {
    if (content.updates.length === 0 || this.#quarantine !== null || this.#isClosed) return
    const flush = { position: ++this.#position, ...content }
    this.#fullState = null
    this.#stateVector = null
    this.#tailBytes += flushBytes(flush)
    this.#tailUpdates += flush.updates.length
    this.#documentBytes += flush.updates.reduce((sum, update) => sum + update.length, 0)
    this.#options.commits.append(this.name, flush)
  }

  #relay(updates: readonly Uint8Array[], except: Session | null): void {
    const frames = updates.map(update => encodeMessage({ type: 'update', update }))
    let sent = 0
    for (const session of this.#sessions) {
      if (session.flow.type !== 'live') continue
      session.sentPosition = this.#position
      if (session === except) continue
      for (const frame of frames) session.sendFrame(frame)
      sent += frames.length
    }
    this.#options.observer.count('updates_relayed', sent)
  }

  #settle({ session, number, reply, replies }: Inbound, outcome: EngineOutcome): void {
    const { observer } = this.#options
    if (session.ledger.isRefused(number)) return
    switch (outcome.type) {
      case 'gap':
        observer.count('gaps')
        session.ledger.discarded(replies)
        if (session.ledger.needsStep1 && session.mayAskAt(this.#position))
          this.#errands.push({ type: 'ask', session })
        return
      case 'refused':
        if (outcome.code === 'malformed') session.close('malformed', outcome.reason)
        else this.#reject({ session, number }, outcome.code, outcome.reason)
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
    session.ledger.handled(number, reply, this.#position)
    session.durable(this.#durablePosition)
    if (session.isOpen && !session.ledger.isSettled) this.#unacked.add(session)
  }

  #reject({ session, number }: Pick<Inbound, 'session' | 'number'>, code: ErrorCode, reason: string): void {
    this.#options.observer.count('rejections')
    session.reject(number, code, reason)
  }

  async #runErrands(): Promise<void> {
    for (let left = this.#errands.length; left > 0; left--) {
      const errand = this.#errands.shift()
      if (errand === undefined) break
      try {
        await this.#cutIfSlow(errand.session)
        if (errand.session.isOpen) await this.#runErrand(errand)
        else settleErrand(errand)
      } catch (error) {
        settleErrand(errand)
        const { code, message } = toPlenumError(error)
        if (code !== 'malformed') throw error
        errand.session.close(code, message)
      }
    }
    await this.#cutSlow()
  }

  async #runErrand(errand: Errand): Promise<void> {
    const { session } = errand
    switch (errand.type) {
      case 'ask':
        session.sendStep1(await this.#currentStateVector())
        return
      case 'answer':
        return this.#answer(session, errand.question)
      case 'presence':
        this.#presence.sendAll(session)
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
    session.sendFrame(await this.#step2(question.stateVector))
    question.done()
    this.#becomeLive(session)
  }

  async #catchUp(session: Session): Promise<void> {
    const { flow } = session
    if (flow.type !== 'behind') return
    this.#options.observer.count('catch_ups')
    if (flow.question !== null) {
      session.sendFrame(await this.#step2(flow.question.stateVector))
      flow.question.done()
    } else if (flow.since === null) {
      session.flow = { type: 'joining' }
      this.#presence.sendMissed(session, flow.missedClientIds)
      return
    } else {
      const update = await this.#options.engine.diff(this.name, flow.since)
      session.send({ type: 'update', update })
    }
    this.#becomeLive(session)
  }

  #becomeLive(session: Session): void {
    const { flow } = session
    session.flow = { type: 'live' }
    session.sentPosition = this.#position
    if (flow.type === 'behind') this.#presence.sendMissed(session, flow.missedClientIds)
    session.durable(this.#durablePosition)
  }

  async #step2(stateVector: Uint8Array): Promise<Uint8Array> {
    const { engine } = this.#options
    const hasNothing = stateVector.length === 1 && stateVector[0] === 0
    if (!hasNothing)
      return encodeMessage({ type: 'step2', update: await engine.diff(this.name, stateVector) })
    this.#fullState ??= encodeMessage({ type: 'step2', update: await engine.diff(this.name, null) })
    return this.#fullState
  }

  async #currentStateVector(): Promise<Uint8Array> {
    this.#stateVector ??= await this.#options.engine.stateVector(this.name)
    return this.#stateVector
  }

  async #cutSlow(): Promise<void> {
    for (const session of this.#sessions) await this.#cutIfSlow(session)
  }

  /** Whoever has more waiting than the budget is sent nothing but one diff, once that has drained. */
  async #cutIfSlow(session: Session): Promise<void> {
    const { limits, observer, scheduler } = this.#options
    const bufferedBytes = session.peer.bufferedBytes
    if (session.flow.type === 'behind' || bufferedBytes <= limits.peerBudgetBytes) return
    observer.count('collapses')
    session.flow = {
      type: 'behind',
      since: session.flow.type === 'live' ? await this.#currentStateVector() : null,
      question: null,
      missedClientIds: new Set(),
      lastBufferedBytes: bufferedBytes,
      stalledSinceMs: scheduler.elapsed(),
      isQueued: false,
    }
  }

  #sweepSlow(session: Session, nowMs: number): void {
    const { flow, peer } = session
    if (flow.type !== 'behind') return
    const bufferedBytes = peer.bufferedBytes
    if (bufferedBytes < flow.lastBufferedBytes) flow.stalledSinceMs = nowMs
    flow.lastBufferedBytes = bufferedBytes
    if (nowMs - flow.stalledSinceMs >= this.#options.limits.slowPeerDeadlineMs) {
      this.#options.observer.count('too_slow')
      session.close('too_slow')
    } else this.drained(session)
  }

  #whenRoom(): Promise<void> {
    if (this.#room === null) {
      const { promise, resolve } = withResolvers()
      this.#room = { promise, open: resolve }
    }
    return this.#room.promise
  }

  #openRoom(): void {
    if (this.#room === null) return
    if (!this.#isClosed && this.#inboxBytes > this.#options.limits.maxInboxBytes) return
    this.#room.open()
    this.#room = null
  }

  /** Ends this space alone; what is on its way to the disk still gets there. */
  fail(error: PlenumError): void {
    if (this.#isClosed) return
    this.#options.observer.report('error', 'space failed', { space: this.name, error })
    this.#isClosed = true
    this.#inbox = []
    this.#inboxBytes = 0
    for (const errand of this.#errands) settleErrand(errand)
    this.#errands = []
    this.closeSessions(error.code === 'load_failed' ? 'load_failed' : 'internal')
    this.#options.onFailed(this)
  }

  #settleWaiters(): void {
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const resolve of waiters) resolve()
    this.#openRoom()
  }
}

const settleErrand = (errand: Errand): void => {
  if (errand.type === 'answer') errand.question.done()
}

const isWanted = ({ session, number }: Inbound): boolean => !session.ledger.isRefused(number)

const withResolvers = (): { promise: Promise<void>; resolve: () => void } => {
  let resolve = (): void => {}
  const promise = new Promise<void>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
