/**
 * The first members of a room move a cursor each, open loop, until everybody knows everybody's last position. A
 * server that falls far behind is given no more to do: it is measured over what it was given until then, so that
 * what it needs for a move can still be told.
 */
import { atPace } from './pace.js'
import type { Room } from './room.js'

export interface CursorMoves {
  /** The first so many members. */
  readonly movers: number
  /** Of each. */
  readonly perSecond: number
  readonly seconds: number
}

export interface CursorsMoved {
  readonly moves: number
  /** For how long they moved: less than was wished where the server fell behind. */
  readonly movedSeconds: number
  /** How often in a second a member saw each cursor at another place, until it saw the last one. */
  readonly seenPerSecond: number
}

const FAR_BEHIND_MS = 2_000
const LOOK_EVERY_MS = 100
const SETTLE_TIME_MS = 120_000

export const cursorState = (member: number, position: number): string =>
  JSON.stringify({
    user: { name: `Member ${member}`, color: `hsl(${(member * 37) % 360} 70% 45%)` },
    cursor: { anchor: position, head: position },
  })

/** Resolves when everybody knows the last position of everybody who moved. @throws Error when that takes too long */
export const moveCursors = async (
  room: Room,
  { movers, perSecond, seconds }: CursorMoves,
): Promise<CursorsMoved> => {
  const seenBefore = room.sightings.count
  const startMs = performance.now()
  const farBehind = new AbortController()
  const watch = setInterval(() => {
    if (room.behindMs(movers) > FAR_BEHIND_MS) farBehind.abort()
  }, LOOK_EVERY_MS)
  let moves = 0
  const act = (member: number, dueMs: number): void =>
    room.announce(member, cursorState(member, ++moves), dueMs)
  await atPace({ actors: movers, perSecond, seconds, act, signal: farBehind.signal })
  clearInterval(watch)
  const movedSeconds = moves / (movers * perSecond)
  await room.until('everybody knows the last positions', () => room.isKnown(movers), SETTLE_TIME_MS)
  const tookSeconds = (performance.now() - startMs) / 1000
  const pairs = movers * (room.members.length - 1)
  return {
    moves,
    movedSeconds,
    seenPerSecond: (room.sightings.count - seenBefore) / pairs / tookSeconds,
  }
}
