/**
 * What we know of the inside of `ws` 8, so that bytes may pass it by while it has nothing of its own under way. Where
 * its internals are not those we know, each answer is no.
 */
import type { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import * as wsModule from 'ws'
import { WebSocket } from 'ws'

interface Receiver extends Writable {
  readonly _state?: unknown
  readonly _bufferedBytes?: unknown
  readonly _fragmented?: unknown
}

interface Sender {
  readonly _state?: unknown
  readonly _firstFragment?: unknown
}

interface Internals {
  readonly _sender?: Sender | null
  readonly _receiver?: Receiver | null
  setSocket?(socket: Duplex, head: Buffer, options: object): void
}

/** What a `WebSocketServer` gives the sockets that it opens: its own `options`. */
export type ServerOptions = object

/** Whether bytes may be written to its socket: it neither compresses nor reads a blob, and nothing is queued then. */
export const isSenderIdle = (ws: WebSocket): boolean => {
  const sender = (ws as Internals)._sender
  return sender?._state === 0 && sender._firstFragment === true
}

const isIdle = (receiver: Receiver | null | undefined): boolean =>
  receiver?._state === 0 && receiver._bufferedBytes === 0 && receiver._fragmented === 0

/** Whether the next byte from its socket is the first of a message, and is its own to read: no close has begun. */
export const isReceiverIdle = (ws: WebSocket): boolean =>
  ws.readyState === WebSocket.OPEN && isIdle((ws as Internals)._receiver)

/** Where it takes bytes that came from its socket, or null once it takes none. */
export const receiverOf = (ws: WebSocket): Writable | null => {
  const receiver = (ws as Internals)._receiver
  return receiver?.writable ? receiver : null
}

/** Public in `ws`, and not in its types. */
const { Receiver } = wsModule as unknown as { readonly Receiver?: new () => Receiver }

/** Whether a socket can be given to `ws` when it is needed, and bytes to its receiver. */
export const canStartLate: boolean =
  typeof (WebSocket.prototype as Internals).setSocket === 'function' &&
  Receiver !== undefined &&
  isIdle(new Receiver())

/** What `ws` sees to in a socket of its own, where it has one at all: no timeout and no delay. */
type Readied = Duplex & Partial<Pick<Socket, 'setTimeout' | 'setNoDelay'>>

/** Takes part in a handshake, and otherwise leaves the socket alone. */
export class Handshake extends WebSocket {
  setSocket(socket: Readied): void {
    socket.setTimeout?.(0)
    socket.setNoDelay?.()
  }
}

interface Startable {
  new (address: null, protocols: undefined, options: ServerOptions): WebSocket & Startable
  setSocket(socket: Duplex, head: Buffer, options: ServerOptions): void
}

/** An open WebSocket over a socket whose handshake is past, as the server with these options would have made it. */
export const startLate = (socket: Duplex, options: ServerOptions): WebSocket => {
  const ws = new (WebSocket as unknown as Startable)(null, undefined, options)
  ws.setSocket(socket, Buffer.alloc(0), options)
  return ws
}
