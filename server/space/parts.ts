/**
 * What one open space is made of. One object for all of its parts, each of which sees of it what it asks for: options
 * of their own would cost each space another kilobyte.
 */
import type { SpaceName } from '../../shared/names.js'
import { AnnouncingPace, type AnnouncingPaceOptions } from './announcing-pace.js'
import { CatchingUp, type CatchingUpOptions } from './catching-up.js'
import type { CommitQueue } from './commit-queue.js'
import { EditDesk, type EditDeskOptions } from './edit-desk.js'
import { Editing, type EditingOptions } from './editing.js'
import type { EngineTime } from './engine-time.js'
import type { Epoch } from './epoch.js'
import { Holding, type HoldingOptions } from './holding.js'
import { Inbox } from './inbox.js'
import { incarnationOf } from './incarnation.js'
import { IntentionsDesk, type IntentionsDeskOptions } from './intentions-desk.js'
import type { SpaceLimits } from './limits.js'
import type { LoadedSpace } from './loading.js'
import type { RosterMember } from './members.js'
import { Membership, type MembershipContext } from './membership.js'
import type { Observer } from './observer.js'
import { PresenceRelay, type PresenceRelayOptions } from './presence-relay.js'
import { Publishing, type PublishingOptions } from './publishing.js'
import { Readings, type ReadingsOptions } from './readings.js'
import type { Residence, ResidenceContext } from './residence.js'
import type { Roster } from './roster.js'
import type { Scheduler } from './scheduler.js'
import type { Session, SpaceInbox } from './session.js'
import { Settling, type SettlingOptions } from './settling.js'
import { Signals, type SignalsOptions } from './signals.js'
import { SpaceLog } from './space-log.js'
import { SpaceReader, type SpaceReaderOptions } from './space-reader.js'
import type { IdentityPath } from './stamp.js'
import { Turns, type TurnsOptions, type TurnTaker } from './turns.js'
import type { UpdateStore } from './update-store.js'
import { Writability } from './writability.js'

/** What all spaces of a process share. */
export interface PartsContext extends ResidenceContext, MembershipContext {
  readonly limits: SpaceLimits
  readonly engineTime: EngineTime
  readonly identityPaths: readonly IdentityPath[]
  readonly epoch: Epoch
}

/** What the parts ask of their space. */
export interface PartsOwner extends SpaceInbox, TurnTaker {
  /** Asks a connection for what it has. */
  ask(session: Session): void
  /** There is something to do. */
  requestTurn(): void
  /** The engine got stuck in a batch. */
  stuck(): void
}

type Options = AnnouncingPaceOptions &
  CatchingUpOptions &
  EditDeskOptions &
  EditingOptions &
  HoldingOptions &
  IntentionsDeskOptions &
  PresenceRelayOptions &
  PublishingOptions &
  ReadingsOptions &
  SettlingOptions &
  SignalsOptions &
  SpaceReaderOptions &
  TurnsOptions

export class SpaceParts implements Options {
  readonly name: SpaceName
  readonly space: PartsOwner
  readonly sessions = new Set<Session>()
  readonly residence: Residence
  readonly log: SpaceLog
  readonly writability: Writability
  readonly inbox: Inbox
  readonly members: Membership
  readonly presence: PresenceRelay
  readonly announcingPace: AnnouncingPace
  readonly signals: Signals
  readonly holding: Holding
  readonly readings: Readings
  readonly intentions: IntentionsDesk
  readonly settling: Settling
  readonly publishing: Publishing
  readonly catchingUp: CatchingUp
  readonly editing: Editing
  readonly reader: SpaceReader
  readonly edits: EditDesk
  readonly turns: Turns
  readonly #context: PartsContext
  readonly #generation: number

  constructor(
    name: SpaceName,
    context: PartsContext,
    opened: {
      readonly space: PartsOwner
      readonly residence: Residence
      readonly loaded: LoadedSpace
      readonly members: readonly RosterMember[]
    },
  ) {
    const { loaded } = opened
    this.#context = context
    this.#generation = loaded.generation
    this.name = name
    this.space = opened.space
    this.residence = opened.residence
    this.log = new SpaceLog({ space: name, commits: context.commits, loaded })
    this.writability = new Writability(loaded.quarantine !== null)
    this.inbox = new Inbox({ maxBytes: context.limits.maxInboxBytes })
    this.members = new Membership(name, context, { sessions: this.sessions, stored: opened.members })
    // In the order in which they look at each other.
    this.presence = new PresenceRelay(this)
    this.announcingPace = new AnnouncingPace(this)
    this.signals = new Signals(this)
    this.holding = new Holding(this)
    this.readings = new Readings(this)
    this.intentions = new IntentionsDesk(this)
    this.settling = new Settling(this)
    this.publishing = new Publishing(this)
    this.catchingUp = new CatchingUp(this)
    this.editing = new Editing(this)
    this.reader = new SpaceReader(this)
    this.edits = new EditDesk(this)
    this.turns = new Turns(this)
  }

  get incarnation(): string {
    return incarnationOf(this.#context.store.id, this.#generation)
  }

  get epoch(): string {
    return this.#context.epoch.of(this.name, this.#generation)
  }

  get roster(): Roster {
    return this.members.roster
  }

  get commits(): CommitQueue {
    return this.#context.commits
  }

  get engineTime(): EngineTime {
    return this.#context.engineTime
  }

  get identityPaths(): readonly IdentityPath[] {
    return this.#context.identityPaths
  }

  get limits(): SpaceLimits {
    return this.#context.limits
  }

  get observer(): Observer {
    return this.#context.observer
  }

  get scheduler(): Scheduler {
    return this.#context.scheduler
  }

  get store(): UpdateStore {
    return this.#context.store
  }
}
