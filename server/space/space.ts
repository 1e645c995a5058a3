/**
 * One open space. Everything that needs the document happens in turns, one at a time: a turn applies the inbox as
 * one batch, relays and logs what came of it, then answers those who need to be brought up to date. Nothing
 * is acknowledged before it is on disk, and nobody is sent a stream with holes.
 */
import { type ErrorCode, type PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { LeaveReason, Signal } from '../../shared/protocol/index.js'
import { AnnouncingPace } from './announcing-pace.js'
import { CatchingUp } from './catching-up.js'
import { EditDesk } from './edit-desk.js'
import { Editing, isWanted } from './editing.js'
import { EngineStuck } from './engine.js'
import type { EngineTime } from './engine-time.js'
import type { Epoch } from './epoch.js'
import { Holding } from './holding.js'
import { Inbox } from './inbox.js'
import { incarnationOf } from './incarnation.js'
import { IntentionsDesk } from './intentions-desk.js'
import { leaveReasonOf } from './leave-reason.js'
import type { SpaceLimits } from './limits.js'
import type { LoadedSpace } from './loading.js'
import type { RosterMember } from './members.js'
import { knownMembers, Membership, type MembershipContext } from './membership.js'
import { PresenceRelay } from './presence-relay.js'
import { Publishing } from './publishing.js'
import { Readings } from './readings.js'
import { Residence, type ResidenceContext } from './residence.js'
import type { Rests } from './rests.js'
import type { Inbound, Session, SpaceInbox } from './session.js'
import { Settling } from './settling.js'
import { Signals } from './signals.js'
import { SpaceLog } from './space-log.js'
import { SpaceReader } from './space-reader.js'
import type { IdentityPath } from './stamp.js'
import { Turns } from './turns.js'
import { Writability } from './writability.js'

/** What all spaces of a process share. */
export interface SpaceContext extends ResidenceContext, MembershipContext {
  readonly limits: SpaceLimits
  readonly engineTime: EngineTime
  readonly identityPaths: readonly IdentityPath[]
  readonly rests: Rests
  readonly epoch: Epoch
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

export class Space implements SpaceInbox {
  readonly name: SpaceName
  /** What programs read of it. */
  readonly reader: SpaceReader
  /** Edits without a connection. */
  readonly edits: EditDesk
  readonly #context: SpaceContext
  readonly #generation: number
  readonly #sessions = new Set<Session>()
  readonly #residence: Residence
  readonly #presence: PresenceRelay
  readonly #members: Membership
  readonly #announcingPace: AnnouncingPace
  readonly #signals: Signals
  readonly #log: SpaceLog
  readonly #inbox: Inbox
  readonly #editing: Editing
  readonly #catchingUp: CatchingUp
  readonly #turns: Turns
  readonly #holding: Holding
  readonly #intentions: IntentionsDesk
  readonly #readings: Readings
  readonly #settling: Settling
  readonly #publishing: Publishing
  readonly #writability: Writability
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
    parts: {
      readonly residence: Residence
      readonly loaded: LoadedSpace
      readonly members: readonly RosterMember[]
    },
  ) {
    const { commits, scheduler, observer, limits, store } = context
    const { residence, loaded } = parts
    this.name = name
    this.#context = context
    this.#residence = residence
    this.#generation = loaded.generation
    this.#emptySinceMs = scheduler.elapsed()
    const sessions = this.#sessions
    const members = new Membership(name, context, { sessions, stored: parts.members })
    const presence = new PresenceRelay({
      observer,
      scheduler,
      sessions,
      roster: members.roster,
      maxStateBytes: limits.maxAwarenessBytes,
      identityPaths: context.identityPaths,
      maxWindowMs: limits.flushWindowMaxMs,
    })
    const log = new SpaceLog({ space: name, commits, loaded })
    const holding = new Holding({ sessions, presence })
    const readings = new Readings({ observer, scheduler, onWaiting: () => this.#turns.request() })
    // Not spread from the context: every object that is spread is a shape of its own to V8.
    const intentions = new IntentionsDesk({ name, residence, store, commits, log, scheduler, readings })
    const settling = new Settling({ observer, log, holding, ask: session => this.#ask(session) })
    const publishing = new Publishing({ sessions, observer, log, residence, members, holding, intentions })
    this.reader = new SpaceReader({
      readings,
      intentions,
      residence,
      log,
      incarnation: this.incarnation,
      epoch: () => this.epoch,
      presence: () => presence.states,
      members: () => this.members,
    })
    this.edits = new EditDesk({
      inbox: this,
      residence,
      readings,
      log,
      engineTime: context.engineTime,
      scheduler,
      observer,
      limits,
    })
    this.#presence = presence
    this.#members = members
    this.#announcingPace = new AnnouncingPace({ observer, scheduler })
    this.#signals = new Signals({ sessions, observer, scheduler, limits })
    this.#log = log
    this.#inbox = new Inbox({ maxBytes: limits.maxInboxBytes })
    this.#holding = holding
    this.#intentions = intentions
    this.#readings = readings
    this.#settling = settling
    this.#publishing = publishing
    this.#writability = new Writability(loaded.quarantine !== null)
    this.#catchingUp = new CatchingUp({ residence, scheduler, observer, limits, log, presence, sessions })
    this.#editing = new Editing({
      name,
      residence,
      observer,
      scheduler,
      limits,
      log,
      holding,
      settling,
      publishing,
      engineTime: context.engineTime,
      writability: this.#writability,
      onStuck: () => context.onStuck(this, 'editing'),
    })
    this.#turns = new Turns({
      scheduler,
      maxWindowMs: limits.flushWindowMaxMs,
      waitMs: windowMs => {
        if (!this.#catchingUp.isEmpty || !readings.isEmpty || this.#isRestDue) return 0
        const editsMs = this.#inbox.isEmpty || this.#isBlocked ? Number.POSITIVE_INFINITY : windowMs()
        return Math.min(editsMs, presence.waitMs, members.waitMs)
      },
      turn: () => this.#turn(),
    })
  }

  get incarnation(): string {
    return incarnationOf(this.#context.store.id, this.#generation)
  }

  /** Positions mean something only within one. */
  get epoch(): string {
    return this.#context.epoch.of(this.name, this.#generation)
  }

  /** Who is here, and who was. */
  get members(): readonly RosterMember[] {
    return [...this.#members.roster.members]
  }

  /** Whether what is stored of it cannot be read. */
  get isQuarantined(): boolean {
    return this.#writability.isQuarantined
  }

  get peerCount(): number {
    return this.#sessions.size
  }

  /** What was received and not looked at yet. */
  get unappliedBytes(): number {
    return this.#inbox.bytes
  }

  /** Whether everything that was received is applied and answered. */
  get isIdle(): boolean {
    const isUnasked = this.#catchingUp.isEmpty && this.#readings.isEmpty
    return !this.#turns.isTurning && this.#inbox.isEmpty && isUnasked
  }

  /** Empty for long enough, and nothing of it is anywhere but on disk. */
  isEvictable(nowMs: number): boolean {
    return (
      this.#sessions.size === 0 &&
      this.isIdle &&
      this.#intentions.isIdle &&
      this.edits.isIdle &&
      this.#context.commits.uncommittedBytesOf(this.name) === 0 &&
      nowMs - this.#emptySinceMs >= this.#context.limits.evictAfterMs
    )
  }

  /** Adds a connection: it is asked for what it has, and answered when it asks. */
  join(session: Session): void {
    this.#sessions.add(session)
    this.#members.enter(session)
    if (this.#context.commits.isDegraded) session.notify('degraded')
    if (this.#writability.isReadOnly) session.notify('read-only')
    this.#ask(session)
  }

  submit(message: Inbound): void | Promise<void> {
    const { session, kind } = message
    if (kind === 'step2' && !session.hasPresence) {
      this.#presence.sendAll(session)
      this.#members.tell(session)
    }
    const room = this.#inbox.put(message)
    this.#turns.request()
    return room ?? this.#context.engineTime.pause(session)
  }

  answer(session: Session, stateVector: Uint8Array): Promise<void> {
    this.#context.engineTime.asked(session, stateVector)
    const answered = new Promise<void>(done => {
      this.#catchingUp.add({ type: 'answer', session, question: { stateVector, done } })
      this.#turns.request()
    })
    return answered.then(() => this.#context.engineTime.pause(session))
  }

  announce(session: Session, update: Uint8Array): void | Promise<void> {
    this.#presence.announce(session, update)
    this.#turns.request()
    return this.#announcingPace.announced(session, update.length)
  }

  sendPresence(session: Session): void {
    this.#catchingUp.add({ type: 'presence', session })
    this.#turns.request()
  }

  signal(session: Session, signal: Signal): void {
    this.#signals.pass(session, signal)
  }

  drained(session: Session): void {
    if (this.#catchingUp.drained(session)) this.#turns.request()
  }

  renewed(session: Session): void {
    this.#members.renewed(session)
    this.#turns.request()
  }

  leave(session: Session, reason: LeaveReason): void {
    if (session.flow.type === 'behind') session.flow.question?.done()
    this.#context.engineTime.leave(session)
    this.#announcingPace.leave(session)
    this.#holding.leave(session)
    if (!this.#sessions.delete(session)) return
    this.#presence.leave(session)
    this.#members.leave(session, reason)
    this.#settling.release()
    this.#turns.request()
    if (this.#sessions.size === 0) this.#emptySinceMs = this.#context.scheduler.elapsed()
  }

  /** The log is on disk up to `position`. */
  durable(position: number): void {
    this.#log.durable(position)
    for (const session of this.#sessions) session.durable(this.#log.durablePosition)
    this.edits.durable(this.#log.durablePosition)
    if (!this.#inbox.isEmpty) this.#turns.request()
    if (this.#log.isCompactionDue) this.#context.onCompactionDue(this)
  }

  /** Nothing of this space is uncommitted. */
  caughtUp(): void {
    this.durable(this.#log.position)
  }

  /** A compaction ended. @param snapshotBytes the verified snapshot's size; null where none was made */
  compacted(snapshotBytes: number | null): void {
    this.#log.compacted(snapshotBytes)
  }

  /** Nothing may be written until then, and everybody is asked for it afterwards; what can be read is served. */
  suspend(untilMs: number): void {
    const isNews = !this.#writability.isReadOnly
    this.#writability.suspend(untilMs)
    if (isNews) for (const session of this.#sessions) session.notify('read-only')
  }

  /** Nothing may be written any more; what can be read is served. */
  quarantine(): void {
    this.#writability.quarantine()
    for (const session of this.#sessions) session.notify('read-only')
  }

  degraded(): void {
    for (const session of this.#sessions) session.notify('degraded')
    this.edits.degraded()
    // What waited for the disk is discarded instead.
    if (!this.#inbox.isEmpty) this.#turns.request()
  }

  /** Storage works again: everybody is asked for what was discarded meanwhile. */
  recovered(): void {
    for (const session of this.#sessions) {
      session.notify('recovered')
      this.#ask(session)
    }
  }

  notifyDraining(retryAfterMs: number): void {
    for (const session of this.#sessions) session.notify('draining', retryAfterMs)
  }

  /**
   * Closes connections with this code; those that stay are not told of each that goes. One that cannot be closed is
   * gone from here all the same.
   * @returns how many were closed
   */
  closeSessions(code: ErrorCode, reason?: string, atMost = Number.POSITIVE_INFINITY): number {
    const sessions = [...this.#sessions].slice(0, atMost)
    for (const session of sessions) {
      this.#sessions.delete(session)
      this.#members.leave(session, leaveReasonOf(code))
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
    if (this.#sessions.size === 0) {
      this.#presence.clear()
      this.#emptySinceMs = this.#context.scheduler.elapsed()
    }
    return sessions.length
  }

  /** Closes one user's connections. @returns how many */
  dismiss(user: string, code: ErrorCode): number {
    const sessions = [...this.#sessions].filter(({ access }) => access.user === user)
    for (const session of sessions) session.close(code)
    return sessions.length
  }

  /** Once a second. */
  sweep(wallMs: number): void {
    const elapsedMs = this.#context.scheduler.elapsed()
    for (const session of this.#sessions) {
      session.sweep({ wallMs, elapsedMs }, this.#log.durablePosition)
      this.#catchingUp.sweep(session, elapsedMs)
      this.drained(session)
    }
    // Whoever stays and takes their presence back owns nothing any more.
    this.#settling.release()
    if (this.#writability.sweep(elapsedMs)) this.recovered()
    if (this.#members.sweep(wallMs)) this.#turns.request()
    this.#residence.sweep(elapsedMs)
    this.#intentions.sweep(elapsedMs)
    this.edits.sweep(elapsedMs)
    this.#announcingPace.sweep(elapsedMs)
    if (this.#isQuiet) this.#context.rests.add(this)
  }

  /** Keeps the document as bytes, if it is still as quiet. */
  async rest(): Promise<void> {
    if (!this.#isQuiet || this.#isClosed) return
    this.#isRestDue = true
    this.#turns.request()
    await this.#turns.next()
  }

  /** Resolves when everything that was received is applied. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle && !this.#isClosed) await this.#turns.next()
  }

  /**
   * Frees the document and stops every timer. Connections must be gone. What a turn under way brings is neither
   * relayed nor logged: its positions may be another's by then.
   * @param code what whoever waits without a connection is told
   */
  async close(code: ErrorCode = 'load_failed'): Promise<void> {
    this.#end(code)
    while (this.#turns.isTurning) await this.#turns.next()
    await this.#residence.close()
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
    const { idleSinceMs } = this.#residence
    const { scheduler, limits } = this.#context
    return idleSinceMs !== null && scheduler.elapsed() - idleSinceMs >= limits.dormantAfterMs
  }

  #end(code: ErrorCode): void {
    this.#isClosed = true
    this.edits.close(code)
    this.#readings.close(code)
    for (const session of this.#sessions) {
      this.#context.engineTime.leave(session)
      this.#announcingPace.leave(session)
    }
    this.#holding.clear()
    this.#publishing.close()
    this.#turns.close()
    this.#inbox.clear()
    this.#catchingUp.clear()
  }

  #ask(session: Session): void {
    this.#catchingUp.add({ type: 'ask', session })
    this.#turns.request()
  }

  /** @returns what sending will cost the process, ms */
  async #turn(): Promise<number> {
    try {
      if (!this.#isClosed && !this.#inbox.isEmpty) await this.#flush()
      if (!this.#isClosed && !this.#catchingUp.isEmpty) await this.#catchingUp.run()
      if (!this.#isClosed && !this.#readings.isEmpty) await this.#readings.run()
      if (!this.#isClosed && this.#isRestDue) await this.#keepAsBytes()
      const isPresenceTold = this.#presence.flush()
      const isRosterTold = this.#members.flush()
      if ((isPresenceTold || isRosterTold) && this.#catchingUp.isAnySlow) await this.#catchingUp.cutSlow()
    } catch (error) {
      this.fail(toPlenumError(error))
    }
    return this.#publishing.takeFrames() * COST_PER_FRAME_MS
  }

  /** Only bytes stay, unless somebody is owed what only the document can tell. */
  async #keepAsBytes(): Promise<void> {
    this.#isRestDue = false
    const isSaved = this.#context.commits.uncommittedBytesOf(this.name) === 0
    if (!isSaved || !this.#inbox.isEmpty || !this.#catchingUp.isEmpty || this.#catchingUp.isAnyBehind) return
    await this.#residence.rest()
    this.#log.rest()
  }

  /** The disk is too far behind: applying more would only pile it up. */
  get #isBlocked(): boolean {
    const { commits, limits } = this.#context
    return !commits.isDegraded && commits.uncommittedBytesOf(this.name) > limits.maxUncommittedBytes
  }

  async #flush(): Promise<void> {
    if (this.#isBlocked) return
    const { observer, commits } = this.#context
    const taken = this.#inbox.take(MAX_BATCH)
    observer.count('document_messages', taken.length)
    const batch = taken.filter(isWanted)
    if (commits.isDegraded || this.#writability.isReadOnly) {
      this.#settling.discard(batch, commits.isDegraded ? 'degraded' : 'quarantined')
      return
    }
    const { messages, outcomes } = await this.#editing.apply(batch)
    observer.count('flushes')
    for (const [i, message] of messages.entries()) this.#settling.settle(message, outcomes[i]!)
    this.#settling.release()
    this.#holding.endFlush()
    if (this.#catchingUp.isAnySlow) await this.#catchingUp.cutSlow()
  }
}
