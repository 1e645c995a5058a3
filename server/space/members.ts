/**
 * What becomes of a member of a space: all tabs of a user are one member, and a stay goes on across a reconnect
 * within the grace. Pure: times are what the caller's clock says, ms since 1970, and never run backwards.
 */
import type { RosterMember } from '../../shared/protocol/index.js'

export type { LeaveReason, RosterMember } from '../../shared/protocol/index.js'

type LeaveReason = NonNullable<RosterMember['left']>['reason']

/** Whose connection it is, by its token. */
export interface Identity {
  readonly user: string
  readonly name: string | null
}

/** One more connection of this user. @param before what is known of them, if anything is */
export const entered = (
  before: RosterMember | undefined,
  { user, name }: Identity,
  nowMs: number,
  graceMs: number,
): RosterMember => {
  const isSameStay = before !== undefined && (before.left === null || nowMs - before.left.atMs <= graceMs)
  if (!isSameStay) {
    return { user, name, connections: 1, joinedAtMs: nowMs, lastSeenMs: nowMs, left: null }
  }
  const { joinedAtMs, lastSeenMs, connections } = before
  return {
    user,
    name: name ?? before.name,
    connections: before.left === null ? connections + 1 : 1,
    joinedAtMs,
    lastSeenMs,
    left: null,
  }
}

/** One connection less; with the last one the member has left. */
export const exited = (member: RosterMember, reason: LeaveReason, nowMs: number): RosterMember => {
  const { connections, lastSeenMs } = member
  if (connections > 1) return { ...member, connections: connections - 1 }
  return { ...member, connections: 0, left: { atMs: Math.max(nowMs, lastSeenMs), reason } }
}

/** The member did something: edited, or changed an awareness state. */
export const acted = (member: RosterMember, nowMs: number): RosterMember => {
  if (nowMs <= member.lastSeenMs) return member
  // With every edit, and a spread of objects that differ in shape is slow.
  const { user, name, connections, joinedAtMs, left } = member
  return { user, name, connections, joinedAtMs, lastSeenMs: nowMs, left }
}

/**
 * Somebody who was here when nobody could write down any more that they left.
 * @param aliveMs until when it is known that they were
 */
export const ended = (member: RosterMember, aliveMs = 0): RosterMember =>
  member.left === null ? exited({ ...member, connections: 1 }, 'timeout', aliveMs) : member
