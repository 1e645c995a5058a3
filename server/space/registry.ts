/**
 * The spaces of one process: what they share is put together here, what is due by time is done once a second, and
 * all of them end together. What one space does never reaches another.
 */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import { CommitQueue } from './commit-queue.js'
import { followCompaction } from './compaction-outcomes.js'
import { Compactions } from './compactions.js'
import { Desk } from './desk.js'
import { type DrainReport, drain } from './drain.js'
import type { Engine } from './engine.js'
import { EngineTime } from './engine-time.js'
import { Epoch } from './epoch.js'
import { type EventSink, NOBODY_LISTENS } from './events.js'
import { Joining, type JoinOptions } from './joining.js'
import type { SpaceLimits } from './limits.js'
import { MemberJournal } from './member-journal.js'
import type { RosterMember } from './members.js'
import type { Observer } from './observer.js'
import { OpenSpaces } from './open-spaces.js'
import type { Packing } from './packing.js'
import type { Peer } from './peer.js'
import { Rests } from './rests.js'
import { Revocations } from './revocations.js'
import { Rooms } from './rooms.js'
import type { Scheduler } from './scheduler.js'
import type { Session } from './session.js'
import type { Space } from './space.js'
import type { SpaceDesk } from './space-desk.js'
import { parseIdentityPath } from './stamp.js'
import { Suspensions } from './suspensions.js'
import { timelyReads } from './timely-reads.js'
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

export interface RegistryStatus {
  readonly spaces: number
  readonly peers: number
  readonly uncommittedBytes: number
  readonly isDegraded: boolean
  readonly isDraining: boolean
}

export class Registry {
  /** For whoever has no connection. */
  readonly desk: SpaceDesk
  readonly #scheduler: Scheduler
  readonly #observer: Observer
  readonly #events: EventSink
  readonly #epoch: Epoch
  readonly #commits: CommitQueue
  readonly #compactions: Compactions
  readonly #engineTime: EngineTime
  readonly #journal: MemberJournal
  readonly #spaces: OpenSpaces
  readonly #joining: Joining
  readonly #rooms: Rooms

  constructor(given: RegistryOptions) {
    const { events = NOBODY_LISTENS } = given
    const { scheduler, limits, randomId } = given
    const store = timelyReads(given.store, { scheduler, timeoutMs: limits.storeTimeoutMs })
    const options = { ...given, store, events, observer: unfailing(given.observer) }
    const { observer } = options
    const { memberRetentionMs } = limits
    this.#scheduler = scheduler
    this.#observer = observer
    this.#events = events
    const epoch = new Epoch(randomId)
    this.#epoch = epoch
    const commits = this.#makeCommits({ store, scheduler, observer })
    this.#commits = commits
    this.#engineTime = new EngineTime(options)
    const journal = new MemberJournal({ store: store.members, observer, scheduler, memberRetentionMs })
    this.#journal = journal
    const suspensions = new Suspensions(options)
    const spaces = new OpenSpaces({
      suspensions,
      context: {
        ...options,
        journal,
        identityPaths: limits.identityPaths.map(parseIdentityPath).filter(path => path !== null),
        commits,
        engineTime: this.#engineTime,
        rests: new Rests(scheduler),
        epoch,
        onCompactionDue: due => this.#compactions.soon(due.name),
        onFailed: failed => this.#drop(failed),
        onStuck: (stuck, during) => {
          suspensions.strike(stuck.name, during)
          suspensions.apply(stuck)
        },
      },
    })
    this.#spaces = spaces
    const compactions = new Compactions({
      store,
      observer,
      followUp: (name, outcome) => followCompaction(name, outcome, { spaces, commits, store, events }),
      onFailed: name => spaces.opened(name)?.compacted(null),
    })
    this.#compactions = compactions
    const { catalogue, id: storeId } = store
    const revocations = new Revocations(catalogue)
    this.#joining = new Joining({ spaces, revocations, scheduler, randomId, limits })
    this.#rooms = new Rooms({ spaces, commits, compactions, journal, events })
    this.desk = new Desk({ rooms: this.#rooms, catalogue, revocations, scheduler, storeId })
  }

  get status(): RegistryStatus {
    let peers = 0
    for (const space of this.#spaces.everyOpen()) peers += space.peerCount
    return {
      spaces: this.#spaces.count,
      peers,
      uncommittedBytes: this.#commits.uncommittedBytes,
      isDegraded: this.#commits.isDegraded,
      isDraining: this.#spaces.isDraining,
    }
  }

  /**
   * Brings a connection into a space, which is opened where it is not. The peer must queue what it receives
   * until the promise settles.
   * @throws draining, load_failed, space_deleted, revoked, rate_limited: nothing of the attempt stays
   */
  join(name: SpaceName, peer: Peer, options: JoinOptions): Promise<Session> {
    return this.#joining.join(name, peer, options)
  }

  /** Once a second: what is due by time, for all spaces. */
  sweep(nowMs: number): void {
    this.#engineTime.sweep()
    for (const space of this.#spaces.everyOpen()) {
      try {
        space.sweep(nowMs)
      } catch (error) {
        space.fail(toPlenumError(error))
        continue
      }
      if (space.isEvictable(this.#scheduler.elapsed())) this.#spaces.evict(space)
    }
    this.#journal.sweep(this.status.peers > 0)
  }

  /** Who is in a space and who was, open or not. @throws load_failed */
  members(name: SpaceName): Promise<readonly RosterMember[]> {
    return this.#rooms.members(name)
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
  drain(deadlineMs: number): Promise<DrainReport> {
    return drain({
      spaces: this.#spaces,
      compactions: this.#compactions,
      commits: this.#commits,
      journal: this.#journal,
      scheduler: this.#scheduler,
      observer: this.#observer,
      deadlineMs,
    })
  }

  #makeCommits(options: Pick<RegistryOptions, 'store' | 'scheduler' | 'observer'>): CommitQueue {
    const events = this.#events
    return new CommitQueue({
      ...options,
      onDurable: (name, position, flushes) => {
        this.#spaces.opened(name)?.durable(position)
        if (events.wants('saved')) events.tell('saved', { space: name, position, users: usersOf(flushes) })
      },
      onLost: name => {
        this.#epoch.renew(name)
        this.#spaces.lost(name)
      },
      onDegraded: () => {
        for (const space of this.#spaces.everyOpen()) space.degraded()
        events.tell('degraded', {})
      },
      onRecovered: () => {
        for (const space of this.#spaces.everyOpen()) space.recovered()
        events.tell('recovered', {})
      },
    })
  }

  /** A space that cannot go on: the next to ask loads it anew. */
  #drop(space: Space): void {
    this.#epoch.renew(space.name)
    if (this.#spaces.opened(space.name) === space) this.#spaces.evict(space)
  }
}

/** Who delivered them. */
const usersOf = (flushes: readonly LoggedFlush[]): readonly string[] => [
  ...new Set(flushes.flatMap(({ deliveries }) => deliveries.map(({ user }) => user))),
]
