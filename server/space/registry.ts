/**
 * The spaces of one process: opened once however many ask, evicted when empty and saved, drained at the end. A
 * failed load refuses those who asked for it and leaves nothing; what one space does never reaches another.
 */
import { assertNever, type ErrorCode, PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { PROTOCOL_VERSION, type ResumePoint } from '../../shared/protocol/index.js'
import { CommitQueue } from './commit-queue.js'
import { Compactions } from './compactions.js'
import { Desk } from './desk.js'
import { type Engine, EngineStuck } from './engine.js'
import { EngineTime } from './engine-time.js'
import { type EventSink, NOBODY_LISTENS } from './events.js'
import type { SpaceLimits } from './limits.js'
import { MemberJournal } from './member-journal.js'
import type { RosterMember } from './members.js'
import type { Observer } from './observer.js'
import type { Packing } from './packing.js'
import type { Access, Dialect, Peer } from './peer.js'
import { Rests } from './rests.js'
import { Revocations } from './revocations.js'
import type { Scheduler } from './scheduler.js'
import { type Authenticate, Session } from './session.js'
import { Space, type SpaceContext } from './space.js'
import type { SpaceDesk } from './space-desk.js'
import { parseIdentityPath } from './stamp.js'
import { Suspensions } from './suspensions.js'
import { unfailing } from './unfailing-observer.js'
import type { CompactionOutcome, LoggedFlush, UpdateStore } from './update-store.js'

export interface RegistryOptions {
  readonly store: UpdateStore
  readonly engine: Engine
  readonly packing: Packing
  readonly observer: Observer
  readonly scheduler: Scheduler
  /** A fresh random id, hard to guess. */
  readonly randomId: () => string
  readonly limits: SpaceLimits
  /** Who is told what becomes of spaces and members; nobody by default. */
  readonly events?: EventSink
}

export interface JoinOptions {
  readonly dialect: Dialect
  readonly access: Access
  readonly authenticate: Authenticate
  /** From where the client wants to go on. */
  readonly after?: ResumePoint | null
  /** Whether its client takes others for gone that are not renewed; without it, yes, as stock ones do. */
  readonly needsRenewals?: boolean
}

export interface RegistryStatus {
  readonly spaces: number
  readonly peers: number
  readonly uncommittedBytes: number
  readonly isDegraded: boolean
  readonly isDraining: boolean
}

export interface DrainReport {
  /** Spaces with edits that were received and could not be put on disk in time. */
  readonly unsavedSpaces: readonly SpaceName[]
  readonly unsavedBytes: number
}

type Entry =
  | { readonly type: 'loading'; readonly space: Promise<Space> }
  | { readonly type: 'active'; readonly space: Space }
  | { readonly type: 'evicting'; readonly done: Promise<void> }

/** How a space ends. */
interface Retirement {
  /** What whoever waits for something without a connection is told. */
  readonly code?: ErrorCode
  /** What is done before anybody opens it again. */
  readonly work?: () => Promise<void>
}

/** Connections that are closed in one go while draining, and the pause before the next. */
const DRAIN_BATCH = 100
const DRAIN_PAUSE_MS = 10
/** What clients are told to wait before they come back to a draining server. */
const RETRY_AFTER_DRAIN_MS = 2000

export class Registry {
  /** For whoever has no connection. */
  readonly desk: SpaceDesk
  readonly #options: RegistryOptions
  readonly #revocations: Revocations
  readonly #entries = new Map<SpaceName, Entry>()
  readonly #commits: CommitQueue
  readonly #events: EventSink
  /** Positions mean something only within one epoch: a crash loses the unsaved tail and reuses its positions. */
  #epoch: string
  readonly #compactions: Compactions
  readonly #engineTime: EngineTime
  readonly #journal: MemberJournal
  readonly #context: SpaceContext
  readonly #suspensions: Suspensions
  #isDraining = false
  #hasEnded = false
  #joined = 0

  constructor(given: RegistryOptions) {
    const options = { ...given, observer: unfailing(given.observer) }
    this.#options = options
    const events = given.events ?? NOBODY_LISTENS
    this.#events = events
    this.#epoch = options.randomId()
    this.#suspensions = new Suspensions(options)
    this.#commits = new CommitQueue({
      store: options.store,
      scheduler: options.scheduler,
      observer: options.observer,
      onDurable: (name, position, flushes) => {
        this.#active(name)?.durable(position)
        if (events.wants('saved')) events.tell('saved', { space: name, position, users: usersOf(flushes) })
      },
      onLost: name => {
        this.#renewEpoch()
        this.#active(name)?.fail(new PlenumError('internal', 'an append was refused by the store'))
      },
      onDegraded: () => {
        for (const space of this.#spaces()) space.degraded()
        events.tell('degraded', {})
      },
      onRecovered: () => {
        for (const space of this.#spaces()) space.recovered()
        events.tell('recovered', {})
      },
    })
    this.#compactions = new Compactions({
      store: options.store,
      observer: options.observer,
      followUp: (name, outcome) => this.#compacted(name, outcome),
      onFailed: name => this.#active(name)?.compacted(null),
    })
    this.#engineTime = new EngineTime(options)
    const { store, observer, scheduler, limits } = options
    const { memberRetentionMs } = limits
    this.#journal = new MemberJournal({ store: store.members, observer, scheduler, memberRetentionMs })
    this.#revocations = new Revocations(store.catalogue)
    this.desk = this.#makeDesk()
    this.#context = {
      ...options,
      events,
      journal: this.#journal,
      identityPaths: limits.identityPaths.map(parseIdentityPath).filter(path => path !== null),
      commits: this.#commits,
      engineTime: this.#engineTime,
      rests: new Rests(options.scheduler),
      epoch: () => this.#epoch,
      onCompactionDue: due => this.#compactions.soon(due.name),
      onFailed: failed => this.#drop(failed),
      onStuck: (stuck, during) => {
        this.#suspensions.strike(stuck.name, during)
        this.#suspensions.apply(stuck)
      },
    }
  }

  get status(): RegistryStatus {
    let peers = 0
    for (const space of this.#spaces()) peers += space.peerCount
    return {
      spaces: this.#entries.size,
      peers,
      uncommittedBytes: this.#commits.uncommittedBytes,
      isDegraded: this.#commits.isDegraded,
      isDraining: this.#isDraining,
    }
  }

  /**
   * Brings a connection into a space, which is opened where it is not. The peer must queue what it receives
   * until the promise settles.
   * @throws draining, load_failed, space_deleted, revoked, rate_limited: nothing of the attempt stays
   */
  async join(name: SpaceName, peer: Peer, options: JoinOptions): Promise<Session> {
    const { limits, scheduler, randomId } = this.#options
    await this.#revocations.expectWelcome(name, options.access.user)
    let space = await this.#open(name)
    // It may have ended in the very turn in which this one waited for it.
    while (this.#active(name) !== space) space = await this.#open(name)
    this.#revocations.expectStillWelcome(name, options.access.user)
    if (this.#isDraining) throw new PlenumError('draining')
    if (space.peerCount >= limits.maxPeersPerSpace) {
      throw new PlenumError('rate_limited', 'too many connections to this space')
    }
    const { dialect, access, after, needsRenewals = true } = options
    // Written out: an object that is spread into another has a shape of its own, and that takes room.
    const session = new Session({
      dialect,
      access,
      authenticate: options.authenticate,
      peer,
      order: ++this.#joined,
      inbox: space,
      scheduler,
      maxFrameBytes: limits.maxFrameBytes,
      resumeAfter: after?.epoch === this.#epoch ? after.position : null,
      needsRenewals,
    })
    if (dialect === 'plenum') {
      session.send({
        type: 'welcome',
        version: PROTOCOL_VERSION,
        session: randomId(),
        incarnation: space.incarnation,
        epoch: this.#epoch,
        user: access.user,
        role: access.role,
        serverTimeMs: scheduler.now(),
        limits,
        expiresAtMs: access.expiresAtMs ?? 0,
      })
    }
    space.join(session)
    return session
  }

  /** Once a second: what is due by time, for all spaces. */
  sweep(nowMs: number): void {
    this.#engineTime.sweep()
    for (const space of this.#spaces()) {
      space.sweep(nowMs)
      if (space.isEvictable(this.#options.scheduler.elapsed())) this.#evict(space)
    }
    this.#journal.sweep(this.status.peers > 0)
  }

  /** Who is in a space and who was, open or not. @throws load_failed */
  async members(name: SpaceName): Promise<readonly RosterMember[]> {
    const entry = this.#entries.get(name)
    const opened = entry?.type === 'loading' ? await entry.space.catch(() => undefined) : this.#active(name)
    return opened?.members ?? this.#journal.load(name)
  }

  /** Compacts one space now, open or not. @throws internal */
  compact(name: SpaceName): Promise<CompactionOutcome> {
    return this.#compactions.now(name)
  }

  /**
   * Ends every space: nothing new is let in, what was received is applied, saved and acknowledged, and every
   * connection is closed with `draining`, paced. Ends at the deadline at the latest.
   * @param deadlineMs from now
   */
  async drain(deadlineMs: number): Promise<DrainReport> {
    const { scheduler } = this.#options
    this.#isDraining = true
    this.#compactions.close()
    let cancel = (): void => {}
    const deadline = new Promise<void>(resolve => {
      cancel = scheduler.after(deadlineMs, resolve)
    })
    for (const space of this.#spaces()) space.notifyDraining(RETRY_AFTER_DRAIN_MS)
    await Promise.race([this.#settle(), deadline])
    await Promise.race([this.#closeAll(), deadline])
    // What arrived until the last connection was closed.
    await Promise.race([this.#settle(), deadline])
    await Promise.race([this.#journal.flush(), deadline])
    const report = this.#unsaved()
    this.#hasEnded = true
    this.#commits.close()
    await Promise.race([this.#end(), deadline])
    cancel()
    return report
  }

  #makeDesk(): SpaceDesk {
    const { store, scheduler } = this.#options
    return new Desk({
      catalogue: store.catalogue,
      revocations: this.#revocations,
      scheduler,
      storeId: store.id,
      rooms: {
        open: name => this.#opened(name),
        opened: name => this.#active(name),
        everyOpen: () => this.#spaces(),
        clear: name => {
          this.#events.tell('space-deleted', { space: name })
          return this.#clear(name)
        },
        whenEmpty: async name => {
          // Nobody waits for a disk that takes nothing.
          const isWaiting = this.#commits.uncommittedBytesOf(name) > 0
          if (isWaiting && this.#commits.isDegraded) throw new PlenumError('degraded')
          const entry = this.#entries.get(name)
          if (entry?.type === 'evicting') await entry.done
          await this.#compactions.whenDone(name)
          await this.#journal.forget(name)
        },
        members: name => this.members(name),
        renewEpoch: () => this.#renewEpoch(),
      },
    })
  }

  async #opened(name: SpaceName): Promise<Space> {
    let space = await this.#open(name)
    while (this.#active(name) !== space) space = await this.#open(name)
    return space
  }

  /** Closes a space for good, whoever waits for it included; what of it was logged still gets to the disk. */
  async #clear(name: SpaceName): Promise<void> {
    const entry = this.#entries.get(name)
    // It may have read what was there before, and then others come in with it.
    if (entry?.type === 'loading') await entry.space.catch(() => {})
    const space = this.#active(name)
    if (space === undefined) return
    space.closeSessions('space_deleted')
    void this.#retire(space, { code: 'space_deleted', work: () => this.#commits.whenSaved(name) })
  }

  async #open(name: SpaceName): Promise<Space> {
    if (this.#isDraining) throw new PlenumError('draining')
    const entry = this.#entries.get(name)
    switch (entry?.type) {
      case 'active':
        return entry.space
      case 'loading':
        return entry.space
      case 'evicting':
        await entry.done
        return this.#open(name)
      case undefined: {
        this.#suspensions.expectLoadable(name)
        const space = this.#load(name)
        this.#entries.set(name, { type: 'loading', space })
        return space
      }
    }
  }

  async #load(name: SpaceName): Promise<Space> {
    const { observer } = this.#options
    try {
      const space = await Space.open(name, this.#context)
      if (this.#hasEnded) {
        await space.close()
        throw new PlenumError('draining')
      }
      observer.count('loads')
      this.#suspensions.apply(space)
      this.#entries.set(name, { type: 'active', space })
      this.#events.tell('space-opened', { space: name })
      if (space.isQuarantined) this.#events.tell('quarantined', { space: name })
      // A commit may have ended while the space was loading.
      if (this.#commits.uncommittedBytesOf(name) === 0) space.caughtUp()
      return space
    } catch (error) {
      this.#entries.delete(name)
      if (toPlenumError(error).code === 'space_deleted') throw error
      observer.count('load_failures')
      const isStuck = error instanceof PlenumError && error.cause instanceof EngineStuck
      if (isStuck) this.#suspensions.strike(name, 'loading')
      observer.report('error', 'space could not be loaded', { space: name, error: toPlenumError(error) })
      throw error
    }
  }

  #evict(space: Space): void {
    this.#options.observer.count('evictions')
    void this.#retire(space)
  }

  /** Something that was relayed may be gone, and its position another's: nobody goes on from where they were. */
  #renewEpoch(): void {
    this.#epoch = this.#options.randomId()
  }

  /** Closes a space; never rejects. */
  #retire(space: Space, { work = async () => {}, code }: Retirement = {}): Promise<void> {
    const done = space
      .close(code)
      .then(work)
      .catch(cause => {
        const error = toPlenumError(cause)
        this.#options.observer.report('error', 'closing a space failed', { space: space.name, error })
      })
      .then(() => {
        this.#entries.delete(space.name)
        this.#events.tell('space-closed', { space: space.name })
      })
    this.#entries.set(space.name, { type: 'evicting', done })
    return done
  }

  /** A space that cannot go on: the next to ask loads it anew. */
  #drop(space: Space): void {
    this.#renewEpoch()
    if (this.#active(space.name) === space) this.#evict(space)
  }

  /** The store has counted and reported it. */
  async #compacted(name: SpaceName, outcome: CompactionOutcome): Promise<void> {
    // A space that is being loaded may have read what was there before.
    const entry = this.#entries.get(name)
    if (entry?.type === 'loading') await entry.space.catch(() => {})
    const space = this.#active(name)
    if (space === undefined) return
    switch (outcome.type) {
      case 'compacted':
        space.compacted(outcome.bytes)
        return
      case 'skipped':
        space.compacted(null)
        if (outcome.why === 'written-meanwhile') await this.#compactAtRest(space)
        return
      case 'repaired':
        // The content is no longer what its connections have: they come back to the new incarnation.
        this.#renewEpoch()
        space.closeSessions('internal', 'the space was repaired')
        this.#evict(space)
        return
      case 'quarantined':
        space.quarantine()
        this.#events.tell('quarantined', { space: name })
        return
      default:
        assertNever(outcome)
    }
  }

  /** A space that needs a repair and is written to all the time is closed for it; who comes back waits. */
  async #compactAtRest(space: Space): Promise<void> {
    this.#renewEpoch()
    space.closeSessions('internal', 'the space is being repaired')
    await this.#retire(space, {
      work: async () => {
        await this.#commits.whenSaved(space.name)
        await this.#options.store.compact(space.name)
      },
    })
  }

  #unsaved(): DrainReport {
    const spaces = new Set(this.#commits.uncommittedSpaces)
    let bytes = this.#commits.uncommittedBytes
    for (const space of this.#spaces()) {
      if (space.unappliedBytes === 0) continue
      spaces.add(space.name)
      bytes += space.unappliedBytes
    }
    return { unsavedSpaces: [...spaces], unsavedBytes: bytes }
  }

  async #end(): Promise<void> {
    const ends = [...this.#entries.values()].map(entry => {
      if (entry.type === 'active') return entry.space.close('draining')
      return entry.type === 'evicting' ? entry.done : undefined
    })
    await Promise.all(ends)
    for (const { name } of this.#spaces()) this.#events.tell('space-closed', { space: name })
    this.#entries.clear()
  }

  async #settle(): Promise<void> {
    await Promise.allSettled(
      [...this.#entries.values()].map(entry => entry.type === 'loading' && entry.space),
    )
    await Promise.all([...this.#spaces()].map(space => space.whenIdle()))
    await this.#commits.whenIdle()
  }

  async #closeAll(): Promise<void> {
    let sincePause = 0
    for (const space of this.#spaces()) {
      while (space.peerCount > 0) {
        sincePause += space.closeSessions('draining', undefined, DRAIN_BATCH - sincePause)
        if (sincePause < DRAIN_BATCH) continue
        sincePause = 0
        await new Promise<void>(resolve => this.#options.scheduler.after(DRAIN_PAUSE_MS, resolve))
      }
    }
  }

  #active(name: SpaceName): Space | undefined {
    const entry = this.#entries.get(name)
    return entry?.type === 'active' ? entry.space : undefined
  }

  *#spaces(): Generator<Space> {
    for (const entry of this.#entries.values()) if (entry.type === 'active') yield entry.space
  }
}

/** Who delivered them. */
const usersOf = (flushes: readonly LoggedFlush[]): readonly string[] => [
  ...new Set(flushes.flatMap(({ deliveries }) => deliveries.map(({ user }) => user))),
]
