/**
 * Who is in a space and who was, the one truth about it: what is told, stamped and stored are copies. Those who
 * left are bounded in number and time.
 */
import type { SpaceName } from '../../shared/names.js'
import type { SpaceLimits } from './limits.js'
import { acted, entered, exited, type Identity, type LeaveReason, type RosterMember } from './members.js'

/** Where changes are written down. */
export interface RosterJournal {
  /** @param isUrgent whether it may not wait: somebody came, left or is forgotten */
  put(space: SpaceName, user: string, member: RosterMember | null, isUrgent: boolean): void
}

export interface RosterOptions {
  readonly space: SpaceName
  readonly journal: RosterJournal
  readonly limits: Pick<SpaceLimits, 'memberGraceMs' | 'maxMembersLeft' | 'memberRetentionMs'>
}

/** How many more are remembered while they may come back and go on: a room that loses its network at once. */
const MAX_IN_GRACE = 10_000

/** What has changed since it was last asked. */
export interface RosterNews {
  readonly members: readonly RosterMember[]
  readonly forgotten: readonly string[]
}

/** In most spaces most of the time: theirs is shared. Never added to. */
const NOBODY = new Set<string>()
const withUser = (users: Set<string>, user: string): Set<string> =>
  users === NOBODY ? new Set([user]) : users.add(user)

export class Roster {
  readonly #options: RosterOptions
  readonly #members = new Map<string, RosterMember>()
  /** Who left, in that order. */
  #left = NOBODY
  /** Who came, left, was renamed or forgotten since the last news. */
  #changed = NOBODY
  /** Of whom only `lastSeen` changed. */
  #seen = NOBODY
  #version = 0

  /** @param stored what is known from before: nobody of them is here */
  constructor(options: RosterOptions, stored: readonly RosterMember[]) {
    this.#options = options
    const known = stored.filter(({ left }) => left !== null)
    for (const member of known.sort((a, b) => a.left!.atMs - b.left!.atMs)) {
      this.#members.set(member.user, member)
      this.#left = withUser(this.#left, member.user)
    }
  }

  get members(): Iterable<RosterMember> {
    return this.#members.values()
  }

  get size(): number {
    return this.#members.size
  }

  /** Another one after every change but that of a `lastSeen`. */
  get version(): number {
    return this.#version
  }

  get hasNews(): boolean {
    return this.#changed.size > 0
  }

  /** How many have done something that was not told yet. */
  get unseen(): number {
    return this.#seen.size
  }

  member(user: string): RosterMember | undefined {
    return this.#members.get(user)
  }

  /** Whether it was us who wrote this into an awareness state. */
  isStampOf(user: string, joinedAtMs: number): boolean {
    return this.#members.get(user)?.joinedAtMs === joinedAtMs
  }

  enter(identity: Identity, nowMs: number): void {
    const before = this.#members.get(identity.user)
    this.#left.delete(identity.user)
    this.#change(entered(before, identity, nowMs, this.#options.limits.memberGraceMs))
  }

  leave(user: string, reason: LeaveReason, nowMs: number): void {
    const member = this.#members.get(user)
    if (member === undefined || member.left !== null) return
    const after = exited(member, reason, nowMs)
    this.#change(after)
    if (after.left === null) return
    this.#left = withUser(this.#left, user)
    if (this.#left.size > this.#options.limits.maxMembersLeft + MAX_IN_GRACE) this.#forgetOldest()
  }

  /** A token with another name. */
  rename({ user, name }: Identity): void {
    const member = this.#members.get(user)
    if (member !== undefined && name !== null && name !== member.name) this.#change({ ...member, name })
  }

  act(user: string, nowMs: number): void {
    const member = this.#members.get(user)
    if (member === undefined || member.left !== null) return
    const after = acted(member, nowMs)
    if (after === member) return
    this.#members.set(user, after)
    this.#seen = withUser(this.#seen, user)
    this.#options.journal.put(this.#options.space, user, after, false)
  }

  /** Forgets whom nobody will ask for any more. */
  sweep(nowMs: number): void {
    const { memberRetentionMs, memberGraceMs, maxMembersLeft } = this.#options.limits
    for (const user of this.#left) {
      const goneMs = nowMs - this.#members.get(user)!.left!.atMs
      const isOneTooMany = this.#left.size > maxMembersLeft && goneMs > memberGraceMs
      if (goneMs <= memberRetentionMs && !isOneTooMany) return
      this.#forgetOldest()
    }
  }

  /** @param isWithSeen also of whom only `lastSeen` changed */
  takeNews(isWithSeen: boolean): RosterNews {
    const users = new Set([...this.#changed, ...(isWithSeen ? this.#seen : [])])
    if (isWithSeen) this.#seen = NOBODY
    this.#changed = NOBODY
    const members: RosterMember[] = []
    const forgotten: string[] = []
    for (const user of users) {
      const member = this.#members.get(user)
      if (member === undefined) forgotten.push(user)
      else members.push(member)
    }
    return { members, forgotten }
  }

  #change(member: RosterMember): void {
    this.#version++
    this.#members.set(member.user, member)
    this.#changed = withUser(this.#changed, member.user)
    this.#options.journal.put(this.#options.space, member.user, member, true)
  }

  #forgetOldest(): void {
    const user = this.#left.values().next().value as string
    this.#left.delete(user)
    this.#members.delete(user)
    this.#version++
    this.#changed = withUser(this.#changed, user)
    this.#options.journal.put(this.#options.space, user, null, true)
  }
}
