/** What the core knows of people and bytes, as programs are told it. */
import type { RosterMember } from '../../../shared/protocol/index.js'
import type { AttestedIntentions } from '../../space/intentions-desk.js'
import type { PresentClient, SpaceSnapshot } from '../../space/space-desk.js'

export const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Who is here, in the order of arrival; then who left, the latest first. */
export const shownMembers = (members: readonly RosterMember[]) => members.toSorted(hereFirst).map(shownMember)

const hereFirst = (a: RosterMember, b: RosterMember): number => {
  if (a.left === null || b.left === null) {
    if (a.left !== b.left) return a.left === null ? -1 : 1
    return a.joinedAtMs - b.joinedAtMs
  }
  return b.left.atMs - a.left.atMs
}

const shownMember = ({ user, name, connections, joinedAtMs, lastSeenMs, left }: RosterMember) => ({
  user,
  name,
  connections,
  joinedAt: joinedAtMs,
  lastSeen: lastSeenMs,
  left: left === null ? null : { at: left.atMs, reason: left.reason },
})

export const shownClient = ({ clientId, user, state }: PresentClient) => ({
  clientId,
  user,
  state: { ...state },
})

export const shownIntentions = ({ intentions, invalid }: AttestedIntentions) => ({
  intentions: intentions.map(each => ({ ...each, deliveredBy: { ...each.deliveredBy } })),
  invalid: invalid.map(each => ({ ...each })),
})

export const shownSnapshot = ({ incarnation, epoch, position, ...cut }: SpaceSnapshot) => ({
  incarnation,
  epoch,
  position,
  stateVector: base64(cut.stateVector),
  presence: cut.presence.map(shownClient),
  members: shownMembers(cut.members),
  ...shownIntentions(cut.intentions),
})
