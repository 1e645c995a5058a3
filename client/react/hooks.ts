/** What a component asks about the space that it stands in. Each hook renders it anew only when its own answer differs. */
import { useMemo } from 'react'
import type { Role } from '../../shared/roles.js'
import type { Refusal, SaveState } from '../channel/save-ledger.js'
import type { Member } from '../presence/member.js'
import type { Presence } from '../presence/roster-view.js'
import type { IntentionActions, IntentionBoard } from '../room/intention-board.js'
import type { Room, RoomConnection, Space } from '../room/room.js'
import { isShallowEqual } from '../room/same.js'
import type { PresentWindow } from '../room/windows.js'
import { useRoom } from './room-context.js'
import { useRoomStore } from './use-room-store.js'
import { type IsEqual, type Select, useStore } from './use-store.js'

const itself = <Value>(value: Value): Value => value

/** What one can do in a room; always the same functions. */
export type RoomActions = Pick<
  Room,
  'setPresence' | 'signal' | 'authenticate' | 'mergeLocal' | 'discardLocal'
>

/** Everything of a room at once. */
export interface StateSync extends RoomActions, IntentionActions, Space {
  readonly connection: RoomConnection
  readonly saveState: SaveState
  readonly rejected: Refusal | null
  readonly role: Role | null
  readonly presence: readonly PresentWindow[]
  readonly members: readonly Member[]
  readonly self: Member | null
  readonly intentions: IntentionBoard['intentions']
}

/** The document, its provider and what one can do; another object only after the local copy was discarded. */
export const useSpace = (): Space & RoomActions => {
  const room = useRoom()
  const space = useStore(room.space, room.space.get(), { select: itself<Space>, isEqual: Object.is })
  return useMemo(() => ({ ...space, ...actionsOf(room) }), [space, room])
}

/** How it stands with the connection, and what the app's token function threw. */
export const useConnection = (): RoomConnection => useRoomStore('connection')

export const useSaveState = (): SaveState => useRoomStore('saveState')

/** Why the server will not take some of this copy; null where it takes all. */
export const useRejected = (): Refusal | null => useRoomStore('rejected')

/** Null before the first connection. */
export const useRole = (): Role | null => useRoomStore('role')

/**
 * The windows that show something of themselves, this one among them; or what is selected of them.
 * @param isEqual whether what was selected can stay; by default where it has the same members
 */
export const usePresence = <Selected = readonly PresentWindow[]>(
  select: Select<readonly PresentWindow[], Selected> = itself as Select<
    readonly PresentWindow[],
    Selected & never
  >,
  isEqual: IsEqual<Selected> = isShallowEqual,
): Selected => useRoomStore('presence', select, isEqual)

/** The roster: who is here and who was, as the server says; or what is selected of it. */
export const useMembers = <Selected = readonly Member[]>(
  select: Select<readonly Member[], Selected> = itself as Select<readonly Member[], Selected & never>,
  isEqual: IsEqual<Selected> = isShallowEqual,
): Selected => {
  const selectMembers = useMemo(() => (presence: Presence) => select(presence.members), [select])
  return useRoomStore('roster', selectMembers, isEqual)
}

/** The member that this client is; null before the server has listed it. */
export const useSelf = (): Member | null => useRoomStore('roster', selfOf)

/** What members mean to do, and what can be done about it. */
export const useIntentions = (): IntentionBoard => useRoomStore('intentions')

/** Everything at once; for components that show little of it there are the hooks above. */
export const useStateSync = (): StateSync => {
  const space = useSpace()
  const connection = useConnection()
  const saveState = useSaveState()
  const rejected = useRejected()
  const role = useRole()
  const presence = usePresence()
  const members = useMembers()
  const self = useSelf()
  const { invalid: _invalid, ...board } = useIntentions()
  return { ...space, ...board, connection, saveState, rejected, role, presence, members, self }
}

/** Whether there was something to show: the server's document, or a kept copy. */
export const useIsReady = (): boolean => useRoomStore('isReady')

const selfOf = ({ self }: Presence): Member | null => self

const actionsOf = ({ setPresence, signal, authenticate, mergeLocal, discardLocal }: Room): RoomActions => ({
  setPresence,
  signal,
  authenticate,
  mergeLocal,
  discardLocal,
})
