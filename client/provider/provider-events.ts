/** What a `SpaceProvider` tells: the stock provider's events, and its own. */
import type { WebsocketProvider } from 'y-websocket'
import type { Notice } from '../../shared/protocol/index.js'
import type { Role } from '../../shared/roles.js'
import type { ConnectionState } from '../channel/connection-state.js'
import type { Refusal, SaveState } from '../channel/save-ledger.js'
import type { Member } from '../presence/member.js'
import type { ReceivedSignal } from '../presence/signals.js'

export interface SpaceProviderEvents {
  // As y-websocket has them.
  status: (event: { status: 'connected' | 'disconnected' | 'connecting' }) => void
  sync: (isSynced: boolean) => void
  synced: (isSynced: boolean) => void
  'connection-close': (event: CloseEvent | null, provider: WebsocketProvider) => void
  'connection-error': (event: Event, provider: WebsocketProvider) => void
  closed: (close: { code: number; reason: string }, provider: WebsocketProvider) => void
  // Our own.
  connection: (state: ConnectionState) => void
  saveState: (state: SaveState) => void
  role: (role: Role) => void
  /** The server will not take some of this copy; `exportLocal` and `discardLocal` are the ways out. */
  rejected: (refusal: Refusal) => void
  /** The space began anew since this copy was synced; `mergeLocal` and `discardLocal` are the ways out. */
  conflict: () => void
  notice: (notice: Notice) => void
  /** Who is here or was is different, or whether that is known. */
  members: (members: readonly Member[]) => void
  signal: (signal: ReceivedSignal) => void
  /** The local copy has been loaded, as far as there is one. */
  loaded: () => void
  /** All edits up to now are in the local copy. */
  kept: () => void
  /** The local copy cannot be kept: no room, private mode, or the browser took it away. */
  'storage-error': (error: unknown) => void
}

export type SpaceProviderEvent = keyof SpaceProviderEvents
