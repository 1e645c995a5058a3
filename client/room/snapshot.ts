/**
 * The last word of a server that no connection reaches: its answer to `GET …/api/spaces/<space>/snapshot`, as far as
 * a page that was cut off shows it. What is not as it should be is left out.
 */
import { PlenumError } from '../../shared/errors.js'
import { type Intention, isIntention, readIntention } from '../../shared/intentions/intention.js'
import { parseSpaceName } from '../../shared/names.js'
import type { RosterMember } from '../../shared/protocol/index.js'
import { inOrder, type Member, memberFrom, outOfSight } from '../presence/member.js'
import type { PresentWindow } from './windows.js'

export interface Snapshot {
  /** Nobody is called `here`: it is not known whether they still are. */
  readonly members: readonly Member[]
  readonly windows: readonly PresentWindow[]
  readonly intentions: readonly Intention[]
  /** The server's clock when it was taken, ms since 1970. */
  readonly asOf: number
}

/** @param base the server with its base path, as `spaceUrl` takes it. @throws bad_name; TypeError */
export const snapshotUrl = (base: string, space: string): string => {
  const url = new URL(base)
  url.protocol = url.protocol.replace(/^ws/, 'http')
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = `${path}/api/spaces/${encodeURIComponent(parseSpaceName(space))}/snapshot`
  return url.href
}

/**
 * @param self the user that this client is, where that is known
 * @throws malformed for what is no snapshot
 */
export const readSnapshot = (json: unknown, self: string | null): Snapshot => {
  if (!isRecord(json) || typeof json.serverTime !== 'number') {
    throw new PlenumError('malformed', 'the answer is no snapshot')
  }
  const members = listOf(json.members).flatMap(listed => readMember(listed, self))
  const names = new Map(members.map(member => [member.user, member.name]))
  return Object.freeze({
    members: Object.freeze(members.sort(inOrder)),
    windows: Object.freeze(listOf(json.presence).flatMap(entry => readWindow(entry, names))),
    intentions: Object.freeze(listOf(json.intentions).flatMap(readEntry)),
    asOf: json.serverTime,
  })
}

const readMember = (listed: Fields, self: string | null): Member[] => {
  const { user, name, connections, joinedAt, lastSeen, left } = listed
  if (typeof user !== 'string' || typeof joinedAt !== 'number' || typeof lastSeen !== 'number') return []
  const member = {
    user,
    name: typeof name === 'string' ? name : null,
    connections: typeof connections === 'number' ? connections : 0,
    joinedAtMs: joinedAt,
    lastSeenMs: lastSeen,
    left: isRecord(left) && typeof left.at === 'number' ? { atMs: left.at, reason: left.reason } : null,
  } as RosterMember
  return [outOfSight(memberFrom(member, self ?? ''))]
}

const readWindow = (
  { clientId, user, state }: Fields,
  names: ReadonlyMap<string, string>,
): PresentWindow[] =>
  typeof clientId === 'number' && isRecord(state)
    ? [
        Object.freeze({
          clientId,
          user: typeof user === 'string' ? user : null,
          name: typeof user === 'string' ? (names.get(user) ?? user) : null,
          isSelf: false,
          state,
        }),
      ]
    : []

const readEntry = (entry: Fields): Intention[] => {
  const read = readIntention(String(entry.id), name => entry[name])
  return isIntention(read) ? [Object.freeze(read)] : []
}

type Fields = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isRecord) : [])
