/** How much of what was written to a socket the operating system has not taken yet. */
import type { Duplex } from 'node:stream'

interface StreamInternals {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null
  readonly _writableState?: { readonly writelen?: unknown }
}

/**
 * Bytes. Node counts a chunk as buffered until all of it is written, so that one large write looks stuck for
 * as long as it takes; libuv knows how much of the write under way is left. Where either figure is missing,
 * Node's own count stands.
 */
export const unsentBytes = (socket: Duplex): number => {
  const buffered = socket.writableLength
  if (buffered === 0) return 0
  const { _handle, _writableState } = socket as StreamInternals
  const queued = _handle?.writeQueueSize
  const underWay = _writableState?.writelen
  if (typeof queued !== 'number' || typeof underWay !== 'number' || underWay > buffered) return buffered
  return buffered - underWay + Math.min(queued, underWay)
}
