/** The transport over a WebSocket: the browser's, Node's or that of the `ws` package. */
import { PlenumError } from '../../shared/errors.js'
import type { SocketClass } from './socket.js'
import type { OpenTransport } from './transport.js'

/** RFC 6455, 5.5.1: a close frame holds 125 bytes, two of which are the code. */
const MAX_REASON_BYTES = 123

/** @param SocketClass by default the global WebSocket of the moment of connecting */
export const webSocketTransport =
  (SocketClass?: SocketClass): OpenTransport =>
  ({ url, protocols }, events) => {
    const Socket = SocketClass ?? (globalThis.WebSocket as SocketClass | undefined)
    if (Socket === undefined) throw new PlenumError('bad_request', 'there is no WebSocket class here')
    const socket = new Socket(url, protocols)
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () => events.opened())
    socket.addEventListener('message', ({ data }) => events.frame(data))
    // A close follows; without a listener Node would take the error for an uncaught one.
    socket.addEventListener('error', () => {})
    socket.addEventListener('close', ({ code, reason }) => events.closed({ code, reason }))
    return {
      door: 'websocket',
      get protocol() {
        return socket.protocol
      },
      get bufferedBytes() {
        return socket.bufferedAmount
      },
      send: frame => socket.send(frame),
      close: (code, reason) => socket.close(code, shortened(reason)),
    }
  }

const shortened = (reason: string): string => {
  let short = reason
  while (new TextEncoder().encode(short).length > MAX_REASON_BYTES) short = [...short].slice(0, -1).join('')
  return short
}
