/** What programs import as `plenum/client`. */
export { ERRORS, type ErrorCode, PlenumError } from '../shared/errors.js'
export {
  INTENTION_LIMITS,
  INTENTION_STATUSES,
  type Intention,
  type IntentionStatus,
  type InvalidIntention,
} from '../shared/intentions/intention.js'
export type { Notice, NoticeKind, Rejected, Saved, Welcome } from '../shared/protocol/index.js'
export type { Role } from '../shared/roles.js'
export { DEFAULT_PACE, type Pace } from './channel/backoff.js'
export { Channel, type ChannelEvents } from './channel/channel.js'
export { type ChannelClass, type ChannelOptions, channelClass } from './channel/channel-class.js'
export type { Clock } from './channel/clock.js'
export { type Close, ConnectionClosed } from './channel/connection-closed.js'
export type { ConnectionState } from './channel/connection-state.js'
export type { Door } from './channel/door-choice.js'
export type { WatchHints } from './channel/hints.js'
export {
  advance,
  createLedger,
  type LedgerEvent,
  type LedgerStart,
  type Refusal,
  type SaveLedger,
  type SaveState,
  saveState,
} from './channel/save-ledger.js'
export type { Socket, SocketClass, SocketEvents } from './channel/socket.js'
export type { TokenSource } from './channel/token-source.js'
export type { OpenTransport, Transport, TransportEvents, TransportTarget } from './channel/transport.js'
export { type ConnectOptions, connectSpace } from './connect-space.js'
export {
  type IntentionChange,
  type Intentions,
  type IntentionsOptions,
  intentions,
  type NewIntention,
} from './intentions/intentions.js'
export type { OpenPersistence, Persistence, TextStore } from './offline/persistence.js'
export type { Member } from './presence/member.js'
export type { Presence } from './presence/roster-view.js'
export type { ReceivedSignal, SignalOptions } from './presence/signals.js'
export type { SpaceProviderEvents } from './provider/provider-events.js'
export type { OfflineOptions, SpaceProviderOptions, StockOptions } from './provider/provider-options.js'
export { warnBeforeUnload } from './provider/warn-before-unload.js'
export type { IntentionBoard } from './room/intention-board.js'
export { openRoom, type Room, type RoomConnection, type RoomOptions, type Space } from './room/room.js'
export type { Store } from './room/store.js'
export type { PresentWindow } from './room/windows.js'
export { type DocumentOptions, SpaceConnection, type SpaceEvents } from './space-connection.js'
export { SpaceProvider } from './space-provider.js'
