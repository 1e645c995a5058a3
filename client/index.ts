/** What programs import as `plenum/client`. */
export { ERRORS, type ErrorCode, PlenumError } from '../shared/errors.js'
export type { NoticeKind, Rejected, Saved, Welcome } from '../shared/protocol/index.js'
export type { Role } from '../shared/roles.js'
export { type Close, ConnectionClosed } from './channel/connection-closed.js'
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
export { type ConnectOptions, connectSpace, SpaceConnection, type SpaceEvents } from './space-connection.js'
