/** One store of the room around, or what stands in for it while the room is not open. */
import type { Store } from '../room/store.js'
import { CLOSED, type StoreName, useRoomIfOpen, type ValueOf } from './room-context.js'
import { type IsEqual, type Select, useStore } from './use-store.js'

const itself = <Value>(value: Value): Value => value

/** @param select by default all of it */
export const useRoomStore = <Name extends StoreName, Selected = ValueOf<Name>>(
  name: Name,
  select: Select<ValueOf<Name>, Selected> = itself as unknown as Select<ValueOf<Name>, Selected>,
  isEqual: IsEqual<Selected> = Object.is,
): Selected => {
  const room = useRoomIfOpen()
  const closed = CLOSED[name] as unknown as Store<ValueOf<Name>>
  const store = room === null ? closed : (room[name] as unknown as Store<ValueOf<Name>>)
  return useStore(store, closed.get(), { select, isEqual })
}
