/** What programs import as `plenum/react`. */
export type { FallbackSource } from '../room/fallback.js'
export type { IntentionActions, IntentionBoard } from '../room/intention-board.js'
export type { RoomConnection, RoomOptions, Space } from '../room/room.js'
export type { IntentionsWithFallback, PresenceWithFallback } from '../room/room-fallback.js'
export { isShallowEqual } from '../room/same.js'
export type { Fetch } from '../room/snapshot-source.js'
export type { PresentWindow } from '../room/windows.js'
export {
  type RoomActions,
  type StateSync,
  useConnection,
  useIntentions,
  useIsReady,
  useMembers,
  usePresence,
  useRejected,
  useRole,
  useSaveState,
  useSelf,
  useSpace,
  useStateSync,
} from './hooks.js'
export { SpaceRoom, type SpaceRoomProps } from './space-room.js'
export {
  type Aged,
  type FallbackOptions,
  useIntentionsWithFallback,
  usePresenceWithFallback,
} from './use-fallback.js'
export { useSharedArray, useSharedMap, useSharedText } from './use-shared.js'
export type { IsEqual, Select } from './use-store.js'
