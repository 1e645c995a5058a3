/** What the connections of one door share, and the bounds that hold for each of them. */
import type { PlenumError } from '../../shared/errors.js'
import type { CloseCause } from './close-cause.js'
import type { HeartbeatLimits } from './heartbeat.js'
import type { Outlet } from './outlet.js'

/** There are thousands of connections, so that each holds only what is its own. */
export interface Keeper<Held, Frames> {
  readonly heartbeat: HeartbeatLimits
  readonly outlet: Outlet<Frames>
  /** Something of ours failed while a frame was handled. */
  onFault(connection: Held, error: PlenumError): void
  /** Nothing is left of the connection. Called once. */
  onClosed(connection: Held, cause: CloseCause): void
}

/** How long the last that a peer is told, and its answer, may take, ms. */
export const CLOSE_TIMEOUT_MS = 10_000
/** More than this is handed to the operating system at once: what it does not take must show. */
export const MAX_HELD_BYTES = 16 * 1024
