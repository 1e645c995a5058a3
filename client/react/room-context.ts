/** The room that a component stands in, and what is shown of a room that is not open yet: on a server, for one. */
import { createContext, useContext } from 'react'
import { PlenumError } from '../../shared/errors.js'
import type { Presence } from '../presence/roster-view.js'
import type { Origin } from '../room/fallback.js'
import type { IntentionBoard } from '../room/intention-board.js'
import type { Room, RoomConnection } from '../room/room.js'
import type { IntentionsWithFallback, PresenceWithFallback } from '../room/room-fallback.js'
import type { Store } from '../room/store.js'

/** Null: inside of a SpaceRoom that is not open yet; undefined: outside of any. */
export const RoomContext = createContext<Room | null | undefined>(undefined)

/** @throws Error outside of a SpaceRoom */
export const useRoomIfOpen = (): Room | null => {
  const room = useContext(RoomContext)
  if (room === undefined) throw new Error('this hook is for what stands inside of a <SpaceRoom>')
  return room
}

/** @throws Error outside of a SpaceRoom, and in its fallback before it is open */
export const useRoom = (): Room => {
  const room = useRoomIfOpen()
  if (room === null) throw new Error('this hook is for the children of a <SpaceRoom>, not for its fallback')
  return room
}

const notOpen = (): never => {
  throw new PlenumError('not_connected', 'the room is not open yet')
}

const NOWHERE: Origin = Object.freeze({ source: 'none', stale: true, asOf: null, atMs: null })
const CONNECTION: RoomConnection = Object.freeze({ state: 'connecting', tokenError: null })
const PRESENCE: Presence = Object.freeze({
  members: Object.freeze([]),
  self: null,
  isLive: false,
  asOf: null,
})
const BOARD: IntentionBoard = Object.freeze({
  intentions: Object.freeze([]),
  invalid: Object.freeze([]),
  propose: notOpen,
  activate: notOpen,
  finish: notOpen,
  drop: notOpen,
  edit: notOpen,
  remove: notOpen,
})
const PRESENCE_WITH_FALLBACK: PresenceWithFallback = Object.freeze({
  ...NOWHERE,
  members: PRESENCE.members,
  windows: Object.freeze([]),
})
const INTENTIONS_WITH_FALLBACK: IntentionsWithFallback = Object.freeze({
  ...NOWHERE,
  intentions: BOARD.intentions,
})

const never = <Value>(value: Value): Store<Value> => ({ get: () => value, subscribe: () => () => {} })

/** A room of which nothing is known. */
export const CLOSED = Object.freeze({
  connection: never(CONNECTION),
  saveState: never<'offline'>('offline'),
  rejected: never(null),
  role: never(null),
  roster: never(PRESENCE),
  presence: never(PRESENCE_WITH_FALLBACK.windows),
  intentions: never(BOARD),
  presenceWithFallback: never(PRESENCE_WITH_FALLBACK),
  intentionsWithFallback: never(INTENTIONS_WITH_FALLBACK),
  isReady: never(false),
}) satisfies { readonly [Name in keyof Room]?: unknown }

export type StoreName = keyof typeof CLOSED
export type ValueOf<Name extends StoreName> = Room[Name] extends Store<infer Value> ? Value : never
