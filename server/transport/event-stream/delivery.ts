/** How events go down to a client: the port between a connection and the answers that carry them. */
import type { OutgoingHttpHeaders } from 'node:http'
import { EVENT_STREAM_TYPE } from '../../../shared/protocol/index.js'

export interface Delivery {
  /** Bytes written that the operating system has not taken yet. */
  readonly unsentBytes: number
  /** Those of them that are on their way already: a ping waits behind them. */
  readonly travellingBytes: number
  /** Bytes that it has taken, at least since the connection began. */
  readonly takenBytes: number
  /** In order; does nothing once it has ended. */
  write(events: Buffer): void
  /**
   * Ends once everything is out, these last. Idempotent.
   * @param last null where the client wants nothing more
   */
  end(last: Buffer | null): void
  /** Ends at once. Idempotent. */
  destroy(): void
}

/** What a delivery tells its connection. */
export interface Receiver {
  /** The operating system took everything. */
  drained(): void
  /** The client has gone. */
  gone(): void
  /** Nothing is left. Called once. */
  closed(): void
}

/** Nothing on the way may keep, change or gather what comes. */
export const DELIVERY_HEADERS: OutgoingHttpHeaders = Object.freeze({
  'Content-Type': `${EVENT_STREAM_TYPE}; charset=utf-8`,
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
  'X-Content-Type-Options': 'nosniff',
})
