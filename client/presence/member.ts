/** One user of a space as an app sees them. Only a connection that is there now makes anybody `here`. */
import type { LeaveReason, RosterMember } from '../../shared/protocol/index.js'

export interface Member {
  /** The token's `sub`. */
  readonly user: string
  /** For show: the token's `name`, or the user where it has none. */
  readonly name: string
  readonly isSelf: boolean
  /** `unknown`: was here when the connection was lost, and nobody can know now. */
  readonly status: 'here' | 'left' | 'unknown'
  /** Tabs and devices; 0 where the status is not `here`. */
  readonly connections: number
  /** When the unbroken stay began; like all times here, ms since 1970 on the server's clock. */
  readonly joinedAt: number
  /** The last edit, or change of an awareness state. */
  readonly lastSeen: number
  readonly left: { readonly at: number; readonly reason: LeaveReason } | null
}

/** @param self the user that this client is */
export const memberFrom = (listed: RosterMember, self: string): Member =>
  Object.freeze({
    user: listed.user,
    name: listed.name ?? listed.user,
    isSelf: listed.user === self,
    status: listed.left === null ? 'here' : 'left',
    connections: listed.connections,
    joinedAt: listed.joinedAtMs,
    lastSeen: listed.lastSeenMs,
    left: listed.left && Object.freeze({ at: listed.left.atMs, reason: listed.left.reason }),
  })

/** As far as anybody knows once the server is not heard any more. */
export const outOfSight = (member: Member): Member =>
  member.status === 'here' ? Object.freeze({ ...member, status: 'unknown', connections: 0 }) : member

export const isSameMember = (a: Member, b: Member): boolean =>
  a.user === b.user &&
  a.name === b.name &&
  a.isSelf === b.isSelf &&
  a.status === b.status &&
  a.connections === b.connections &&
  a.joinedAt === b.joinedAt &&
  a.lastSeen === b.lastSeen &&
  a.left?.at === b.left?.at &&
  a.left?.reason === b.left?.reason

/** Who is here (or was, when last known) first, the longest stay in front; then who left, the latest in front. */
export const inOrder = (a: Member, b: Member): number => {
  if (a.left !== null && b.left !== null) return b.left.at - a.left.at || byUser(a, b)
  if (a.left !== null || b.left !== null) return a.left === null ? -1 : 1
  return a.joinedAt - b.joinedAt || byUser(a, b)
}

const byUser = (a: Member, b: Member): number => (a.user < b.user ? -1 : 1)
