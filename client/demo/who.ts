/**
 * Who is here and who was, in the page's words: a function of what the provider says and of the server's time.
 * Without a connection nobody is called here, and times take the place of ages, which nobody can know then.
 */
import type { Member } from '../presence/member.js'
import type { Presence } from '../presence/roster-view.js'
import { hueOf } from './people.js'
import { agoChangesInMs, agoText, timeText } from './when.js'

export interface Row {
  readonly user: string
  readonly name: string
  readonly hue: number
  /** Whether it is known that they are here. */
  readonly isHere: boolean
  readonly text: string
}

export interface Who {
  readonly title: string
  readonly here: readonly Row[]
  /** How many more there are than rows. */
  readonly moreHere: number
  readonly were: readonly Row[]
  /** How long until something of this says something else; null: never. */
  readonly changesInMs: number | null
}

const MAX_HERE = 50
const MAX_WERE = 12
const LEFT = {
  closed: 'left',
  replaced: 'left',
  timeout: 'lost the connection',
  evicted: 'was put out',
} as const

/**
 * @param nowMs the server's clock; null where the server has never been heard
 * @param self shown where the server has not said yet who one is
 */
export const whoIs = (
  { members, self: listed, isLive, asOf }: Presence,
  nowMs: number | null,
  self: string,
): Who => {
  const now = nowMs ?? 0
  const here = members.filter(({ left }) => left === null)
  const were = members.filter(({ left }) => left !== null).slice(0, MAX_WERE)
  const first = listed?.left === null ? listed : null
  const others = here.filter(member => member !== first)
  const shown = others.slice(0, MAX_HERE)
  const ages = isLive
    ? [...shown, ...were, ...(first ? [first] : [])].map(member => now - lastOf(member))
    : []
  return {
    title: isLive ? 'Here now' : asOf === null ? 'Not connected' : `Here at ${timeText(asOf, now)}`,
    here: [
      first === null ? unlisted(self) : hereRow(first, now),
      ...shown.map(member => hereRow(member, now)),
    ],
    moreHere: others.length - shown.length,
    were: were.map(member => leftRow(member, now, isLive)),
    changesInMs: ages.length === 0 ? null : Math.min(...ages.map(agoChangesInMs)),
  }
}

const lastOf = ({ left, lastSeen }: Member): number => left?.at ?? lastSeen

const hereRow = (member: Member, nowMs: number): Row => {
  const { status, joinedAt, lastSeen, connections } = member
  const ageMs = nowMs - lastSeen
  const active = agoText(ageMs) === agoText(0) ? 'active now' : `active ${agoText(ageMs)}`
  const windows = connections > 1 ? ` · ${connections} windows` : ''
  const text =
    status === 'here'
      ? `since ${timeText(joinedAt, nowMs)} · ${active}${windows}`
      : `last active at ${timeText(lastSeen, nowMs)}`
  return { ...rowOf(member), text }
}

const leftRow = (member: Member, nowMs: number, isLive: boolean): Row => {
  const { at, reason } = member.left ?? { at: member.lastSeen, reason: 'closed' }
  const when = isLive ? agoText(nowMs - at) : `at ${timeText(at, nowMs)}`
  return { ...rowOf(member), text: `${LEFT[reason]} ${when}` }
}

const rowOf = ({ user, name, isSelf, status }: Member) => ({
  user,
  name: isSelf ? `${name} (you)` : name,
  hue: hueOf(user),
  isHere: status === 'here',
})

const unlisted = (name: string): Row => ({
  user: name,
  name: `${name} (you)`,
  hue: hueOf(name),
  isHere: false,
  text: 'in this window',
})
