/**
 * One open space. Everything that needs the document happens in turns, one at a time: a turn applies the inbox as
 * one batch, relays and logs what came of it, then answers those who need to be brought up to date. Nothing
 * is acknowledged before it is on disk, and nobody is sent a stream with holes.
 */
import { type ErrorCode, type PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { LeaveReason, Signal } from '../../shared/protocol/index.js'
import type { EditDesk } from './edit-desk.js'
import { isWanted } from './editing.js'
import { EngineStuck } from './engine.js'
import { leaveReasonOf } from './leave-reason.js'
import type { LoadedSpace } from './loading.js'
import type { RosterMember } from './members.js'
import { knownMembers } from './membership.js'
import { type PartsContext, type PartsOwner, SpaceParts } from './parts.js'
import { Residence } from './residence.js'
import type { Rests } from './rests.js'
import type { Inbound, Session } from './session.js'
import type { SpaceReader } from './space-reader.js'
import type { EditWindow } from './turns.js'

/** What all spaces of a process share. */
export interface SpaceContext extends PartsContext {
  readonly rests: Rests
  /** The log has outgrown the snapshot. */
  onCompactionDue(space: Space): void
  /** The space cannot go on; its connections are closed and nothing of it may be used again. */
  onFailed(space: Space): void
  /** The engine got stuck in one of its calls, and has been freed; after `loading` the space ends. */
  onStuck(space: Space, during: 'editing' | 'loading'): void
}

/** At most so many messages are one transaction: a turn must end. */
const MAX_BATCH = 2000
/** What it costs to write a frame to a socket, ms: it happens behind the turn's back. */
const COST_PER_FRAME_MS = 0.012

export class Space implements PartsOwner {
  readonly name: SpaceName
  readonly #context: SpaceContext
  readonly #parts: SpaceParts
  #isClosed = false
  #emptySinceMs: number
  /** The document is to be kept as bytes when the turn has nothing else to do. */
  #isRestDue = false

  /** @throws load_failed, and nothing stays behind */
  static async open(name: SpaceName, context: SpaceContext): Promise<Space> {
    const [opened, members] = await Promise.all([Residence.open(name, context), knownMembers(name, context)])
    return new Space(name, context, { ...opened, members })
  }

  private constructor(
    name: SpaceName,
    context: SpaceContext,
    opened: {
      readonly residence: Residence
      readonly loaded: LoadedSpace
      readonly members: readonly RosterMember[]
    },
  ) {
    this.name = name
    this.#context = context
    this.#emptySinceMs = context.scheduler.elapsed()
    this.#parts = new SpaceParts(name, context, { ...opened, space: this })
  }

  /** What programs read of it. */
  get reader(): SpaceReader {
    return this.#parts.reader
  }

  /** Edits without a connection. */
  get edits(): EditDesk {
    return this.#parts.edits
  }

  get incarnation(): string {
    return this.#parts.incarnation
  }

  /** Positions mean something only within one. */
  get epoch(): string {
    return this.#parts.epoch
  }

  /** Who is here, and who was. */
  get members(): readonly RosterMember[] {
    return [...this.#parts.members.roster.members]
  }

  /** Whether what is stored of it cannot be read. */
  get isQuarantined(): boolean {
    return this.#parts.writability.isQuarantined
  }

  get peerCount(): number {
    return this.#parts.sessions.size
  }

  /** What was received and not looked at yet. */
  get unappliedBytes(): number {
    return this.#parts.inbox.bytes
  }

  /** Whether everything that was received is applied and answered. */
  get isIdle(): boolean {
    const isUnasked = this.#parts.catchingUp.isEmpty && this.#parts.readings.isEmpty
    return !this.#parts.turns.isTurning && this.#parts.inbox.isEmpty && isUnasked
  }

  /** Empty for long enough, and nothing of it is anywhere but on disk. */
  isEvictable(nowMs: number): boolean {
    return (
      this.#parts.sessions.size === 0 &&
      this.isIdle &&
      this.#parts.intentions.isIdle &&
      this.edits.isIdle &&
      this.#context.commits.uncommittedBytesOf(this.name) === 0 &&
      nowMs - this.#emptySinceMs >= this.#context.limits.evictAfterMs
    )
  }

  /** Adds a connection: it is asked for what it has, and answered when it asks. */
  join(session: Session): void {
    this.#parts.sessions.add(session)
    this.#parts.members.enter(session)
    if (this.#context.commits.isDegraded) session.notify('degraded')
    if (this.#parts.writability.isReadOnly) session.notify('read-only')
    this.ask(session)
  }

  submit(message: Inbound): void | Promise<void> {
    const { session, kind } = message
    if (kind === 'step2' && !session.hasPresence) {
      this.#parts.presence.sendAll(session)
      this.#parts.members.tell(session)
    }
    const room = this.#parts.inbox.put(message)
    this.#parts.turns.request()
    return room ?? this.#context.engineTime.pause(session)
  }

  answer(session: Session, stateVector: Uint8Array): Promise<void> {
    this.#context.engineTime.asked(session, stateVector)
    const answered = new Promise<void>(done => {
      this.#parts.catchingUp.add({ type: 'answer', session, question: { stateVector, done } })
      this.#parts.turns.request()
    })
    return answered.then(() => this.#context.engineTime.pause(session))
  }

  announce(session: Session, update: Uint8Array): void | Promise<void> {
    this.#parts.presence.announce(session, update)
    this.#parts.turns.request()
    return this.#parts.announcingPace.announced(session, update.length)
  }

  sendPresence(session: Session): void {
    this.#parts.catchingUp.add({ type: 'presence', session })
    this.#parts.turns.request()
  }

  signal(session: Session, signal: Signal): void {
    this.#parts.signals.pass(session, signal)
  }

  ask(session: Session): void {
    this.#parts.catchingUp.add({ type: 'ask', session })
    this.#parts.turns.request()
  }

  requestTurn(): void {
    this.#parts.turns.request()
  }

  stuck(): void {
    this.#context.onStuck(this, 'editing')
  }

  drained(session: Session): void {
    if (this.#parts.catchingUp.drained(session)) this.#parts.turns.request()
  }

  renewed(session: Session): void {
    this.#parts.members.renewed(session)
    this.#parts.turns.request()
  }

  leave(session: Session, reason: LeaveReason): void {
    if (session.flow.type === 'behind') session.flow.question?.done()
    this.#context.engineTime.leave(session)
    this.#parts.announcingPace.leave(session)
    this.#parts.holding.leave(session)
    if (!this.#parts.sessions.delete(session)) return
    this.#parts.presence.leave(session)
    this.#parts.members.leave(session, reason)
    this.#parts.settling.release()
    this.#parts.turns.request()
    if (this.#parts.sessions.size === 0) this.#emptySinceMs = this.#context.scheduler.elapsed()
  }

  /** The log is on disk up to `position`. */
  durable(position: number): void {
    this.#parts.log.durable(position)
    for (const session of this.#parts.sessions) session.durable(this.#parts.log.durablePosition)
    this.edits.durable(this.#parts.log.durablePosition)
    if (!this.#parts.inbox.isEmpty) this.#parts.turns.request()
    if (this.#parts.log.isCompactionDue) this.#context.onCompactionDue(this)
  }

  /** Nothing of this space is uncommitted. */
  caughtUp(): void {
    this.durable(this.#parts.log.position)
  }

  /** A compaction ended. @param snapshotBytes the verified snapshot's size; null where none was made */
  compacted(snapshotBytes: number | null): void {
    this.#parts.log.compacted(snapshotBytes)
  }

  /** Nothing may be written until then, and everybody is asked for it afterwards; what can be read is served. */
  suspend(untilMs: number): void {
    const isNews = !this.#parts.writability.isReadOnly
    this.#parts.writability.suspend(untilMs)
    if (isNews) for (const session of this.#parts.sessions) session.notify('read-only')
  }

  /** Nothing may be written any more; what can be read is served. */
  quarantine(): void {
    this.#parts.writability.quarantine()
    for (const session of this.#parts.sessions) session.notify('read-only')
  }

  degraded(): void {
    for (const session of this.#parts.sessions) session.notify('degraded')
    this.edits.degraded()
    // What waited for the disk is discarded instead.
    if (!this.#parts.inbox.isEmpty) this.#parts.turns.request()
  }

  /** Storage works again: everybody is asked for what was discarded meanwhile. */
  recovered(): void {
    for (const session of this.#parts.sessions) {
      session.notify('recovered')
      this.ask(session)
    }
  }

  notifyDraining(retryAfterMs: number): void {
    for (const session of this.#parts.sessions) session.notify('draining', retryAfterMs)
  }

  /**
   * Closes connections with this code; those that stay are not told of each that goes. One that cannot be closed is
   * gone from here all the same.
   * @returns how many were closed
   */
  closeSessions(code: ErrorCode, reason?: string, atMost = Number.POSITIVE_INFINITY): number {
    const sessions = [...this.#parts.sessions].slice(0, atMost)
    for (const session of sessions) {
      this.#parts.sessions.delete(session)
      this.#parts.members.leave(session, leaveReasonOf(code))
      try {
        session.close(code, reason)
      } catch (cause) {
        const error = toPlenumError(cause)
        this.#context.observer.report('error', 'a connection could not be closed', {
          space: this.name,
          error,
        })
      }
    }
    if (this.#parts.sessions.size === 0) {
      this.#parts.presence.clear()
      this.#emptySinceMs = this.#context.scheduler.elapsed()
    }
    return sessions.length
  }

  /** Closes one user's connections. @returns how many */
  dismiss(user: string, code: ErrorCode): number {
    const sessions = [...this.#parts.sessions].filter(({ access }) => access.user === user)
    for (const session of sessions) session.close(code)
    return sessions.length
  }

  /** Once a second. */
  sweep(wallMs: number): void {
    const elapsedMs = this.#context.scheduler.elapsed()
    for (const session of this.#parts.sessions) {
      session.sweep({ wallMs, elapsedMs }, this.#parts.log.durablePosition)
      this.#parts.catchingUp.sweep(session, elapsedMs)
      this.drained(session)
    }
    // Whoever stays and takes their presence back owns nothing any more.
    this.#parts.settling.release()
    if (this.#parts.writability.sweep(elapsedMs)) this.recovered()
    if (this.#parts.members.sweep(wallMs)) this.#parts.turns.request()
    this.#parts.residence.sweep(elapsedMs)
    this.#parts.intentions.sweep(elapsedMs)
    this.edits.sweep(elapsedMs)
    this.#parts.announcingPace.sweep(elapsedMs)
    if (this.#isQuiet) this.#context.rests.add(this)
  }

  /** Keeps the document as bytes, if it is still as quiet. */
  async rest(): Promise<void> {
    if (!this.#isQuiet || this.#isClosed) return
    this.#isRestDue = true
    this.#parts.turns.request()
    await this.#parts.turns.next()
  }

  /** Resolves when everything that was received is applied. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle && !this.#isClosed) await this.#parts.turns.next()
  }

  /**
   * Frees the document and stops every timer. Connections must be gone. What a turn under way brings is neither
   * relayed nor logged: its positions may be another's by then.
   * @param code what whoever waits without a connection is told
   */
  async close(code: ErrorCode = 'load_failed'): Promise<void> {
    this.#end(code)
    while (this.#parts.turns.isTurning) await this.#parts.turns.next()
    await this.#parts.residence.close()
  }

  /** Ends this space alone; what is on its way to the disk still gets there. */
  fail(error: PlenumError): void {
    if (this.#isClosed) return
    this.#context.observer.report('error', 'space failed', { space: this.name, error })
    if (error.cause instanceof EngineStuck) this.#context.onStuck(this, 'loading')
    const code = error.code === 'load_failed' ? 'load_failed' : 'internal'
    this.#end(code)
    this.closeSessions(code)
    this.#context.onFailed(this)
  }

  /** Nobody has needed the document for a while. */
  get #isQuiet(): boolean {
    const { idleSinceMs } = this.#parts.residence
    const { scheduler, limits } = this.#context
    return idleSinceMs !== null && scheduler.elapsed() - idleSinceMs >= limits.dormantAfterMs
  }

  #end(code: ErrorCode): void {
    this.#isClosed = true
    this.edits.close(code)
    this.#parts.readings.close(code)
    for (const session of this.#parts.sessions) {
      this.#context.engineTime.leave(session)
      this.#parts.announcingPace.leave(session)
    }
    this.#parts.holding.clear()
    this.#parts.publishing.close()
    this.#parts.turns.close()
    this.#parts.inbox.clear()
    this.#parts.catchingUp.clear()
  }

  waitMs(turns: EditWindow): number {
    const { catchingUp, readings, inbox, presence, members } = this.#parts
    if (!catchingUp.isEmpty || !readings.isEmpty || this.#isRestDue) return 0
    const editsMs = inbox.isEmpty || this.#isBlocked ? Number.POSITIVE_INFINITY : turns.windowMs
    return Math.min(editsMs, presence.waitMs, members.waitMs)
  }

  /** @returns what sending will cost the process, ms */
  async turn(): Promise<number> {
    const { inbox, catchingUp, readings, presence, members } = this.#parts
    try {
      if (!this.#isClosed && !inbox.isEmpty) await this.#flush()
      if (!this.#isClosed && !catchingUp.isEmpty) await catchingUp.run()
      if (!this.#isClosed && !readings.isEmpty) await readings.run()
      if (!this.#isClosed && this.#isRestDue) await this.#keepAsBytes()
      const isPresenceTold = presence.flush()
      const isRosterTold = members.flush()
      if ((isPresenceTold || isRosterTold) && catchingUp.isAnySlow) await catchingUp.cutSlow()
    } catch (error) {
      this.fail(toPlenumError(error))
    }
    return this.#parts.publishing.takeFrames() * COST_PER_FRAME_MS
  }

  /** Only bytes stay, unless somebody is owed what only the document can tell. */
  async #keepAsBytes(): Promise<void> {
    this.#isRestDue = false
    const isSaved = this.#context.commits.uncommittedBytesOf(this.name) === 0
    const { inbox, catchingUp, residence, log } = this.#parts
    if (!isSaved || !inbox.isEmpty || !catchingUp.isEmpty || catchingUp.isAnyBehind) return
    await residence.rest()
    log.rest()
  }

  /** The disk is too far behind: applying more would only pile it up. */
  get #isBlocked(): boolean {
    const { commits, limits } = this.#context
    return !commits.isDegraded && commits.uncommittedBytesOf(this.name) > limits.maxUncommittedBytes
  }

  async #flush(): Promise<void> {
    if (this.#isBlocked) return
    const { observer, commits } = this.#context
    const taken = this.#parts.inbox.take(MAX_BATCH)
    observer.count('document_messages', taken.length)
    const batch = taken.filter(isWanted)
    if (commits.isDegraded || this.#parts.writability.isReadOnly) {
      this.#parts.settling.discard(batch, commits.isDegraded ? 'degraded' : 'quarantined')
      return
    }
    const { messages, outcomes } = await this.#parts.editing.apply(batch)
    observer.count('flushes')
    for (const [i, message] of messages.entries()) this.#parts.settling.settle(message, outcomes[i]!)
    this.#parts.settling.release()
    this.#parts.holding.endFlush()
    if (this.#parts.catchingUp.isAnySlow) await this.#parts.catchingUp.cutSlow()
  }
}
