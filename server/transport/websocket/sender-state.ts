/**
 * Whether bytes may be written to the socket of a `ws` WebSocket behind its back. That is so while `ws` has
 * nothing of its own under way for it; where its internals are not those we know, the answer is no.
 */
import type { WebSocket } from 'ws'

interface Internals {
  readonly _socket?: unknown
  readonly _sender?: { readonly _state?: unknown; readonly _firstFragment?: unknown }
}

/** `ws` 8: state 0 is neither compressing nor reading a blob, and nothing is queued then. */
export const isSenderIdle = (ws: WebSocket): boolean => {
  const sender = (ws as Internals)._sender
  return sender?._state === 0 && sender._firstFragment === true
}
