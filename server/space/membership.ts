/**
 * The members of one open space, as its connections come, edit and go: keeps the roster by the clock on the wall,
 * and has it told.
 */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { EngineOutcome } from './engine.js'
import type { EventSink } from './events.js'
import type { SpaceLimits } from './limits.js'
import type { MemberJournal } from './member-journal.js'
import type { LeaveReason, RosterMember } from './members.js'
import type { Observer } from './observer.js'
import { Roster } from './roster.js'
import { RosterRelay } from './roster-relay.js'
import type { Scheduler } from './scheduler.js'
import type { Inbound, Session } from './session.js'

/** What all spaces of a process share. */
export interface MembershipContext {
  readonly journal: MemberJournal
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly limits: SpaceLimits
  readonly events: EventSink
}

/** Who was in a space before it is opened. A roster that cannot be read keeps nobody out. */
export const knownMembers = async (
  space: SpaceName,
  { journal, observer }: MembershipContext,
): Promise<readonly RosterMember[]> => {
  try {
    return await journal.load(space)
  } catch (error) {
    observer.report('error', 'who was in a space could not be read', { space, error: toPlenumError(error) })
    return []
  }
}

export class Membership {
  readonly roster: Roster
  readonly #relay: RosterRelay
  readonly #space: SpaceName
  readonly #scheduler: Scheduler
  readonly #events: EventSink

  constructor(
    space: SpaceName,
    context: MembershipContext,
    parts: { readonly sessions: ReadonlySet<Session>; readonly stored: readonly RosterMember[] },
  ) {
    const { journal, limits, scheduler, events } = context
    this.#space = space
    this.#events = events
    this.roster = new Roster({ space, journal, limits }, parts.stored)
    this.#relay = new RosterRelay({ roster: this.roster, sessions: parts.sessions, scheduler })
    this.#scheduler = scheduler
  }

  /** How long what there is to tell may wait; infinity where there is nothing. */
  get waitMs(): number {
    return this.#relay.waitMs
  }

  enter({ access }: Session): void {
    const { user, name } = access
    const isNew = this.#events.wants('member-joined') && !this.#isHere(user)
    this.roster.enter(access, this.#scheduler.now())
    if (isNew) this.#events.tell('member-joined', { space: this.#space, user, name })
  }

  leave({ access }: Session, reason: LeaveReason): void {
    const { user } = access
    const isAwaited = this.#events.wants('member-left') && this.#isHere(user)
    this.roster.leave(user, reason, this.#scheduler.now())
    if (isAwaited && !this.#isHere(user))
      this.#events.tell('member-left', { space: this.#space, user, reason })
  }

  #isHere(user: string): boolean {
    return this.roster.member(user)?.left === null
  }

  /** The connection has another token. */
  renewed({ access }: Session): void {
    this.roster.rename(access)
  }

  /** From now on the connection is told who is there. */
  tell(session: Session): void {
    this.#relay.sendAll(session)
  }

  /** The document has changed by these messages. */
  edited(messages: readonly Inbound[], outcomes: readonly EngineOutcome[]): void {
    const nowMs = this.#scheduler.now()
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!
      if (isEdit(message, outcomes[i]!)) this.roster.act(message.user, nowMs)
    }
  }

  /** Tells what has changed, if it is time. @returns whether anybody may have been told */
  flush(): boolean {
    return this.#relay.flush()
  }

  /** Once a second. @returns whether there is something to tell */
  sweep(wallMs: number): boolean {
    this.roster.sweep(wallMs)
    this.#relay.sweep()
    return this.roster.hasNews
  }
}

/** Whether it brought something new: an update that did not may have been somebody else's, passed on. */
const isEdit = ({ kind }: Inbound, outcome: EngineOutcome): boolean =>
  'ranges' in outcome && (kind === 'update' || outcome.ranges.length > 0)
