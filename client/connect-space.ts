/** Opens a connection to a space: one socket, one attempt. */
import { PlenumError } from '../shared/errors.js'
import type { SocketClass } from './channel/socket.js'
import { spaceUrl, steadyUrl, subprotocols } from './channel/space-url.js'
import { type DocumentOptions, SpaceConnection } from './space-connection.js'

export interface ConnectOptions extends DocumentOptions {
  /** The server with its base path, if it has one: `wss://host/base` or `https://host/base`. */
  readonly url: string
  readonly space: string
  readonly token: string
  /** Where there is no global WebSocket (Node 20): the class of the `ws` package. */
  readonly WebSocket?: SocketClass
}

/**
 * Opens a connection; what becomes of it is told by its events.
 * @throws bad_name, and bad_request where the URL or the token cannot be used
 */
export const connectSpace = (options: ConnectOptions): SpaceConnection => {
  const SocketClass = options.WebSocket ?? globalThis.WebSocket
  if (SocketClass === undefined) throw new PlenumError('bad_request', 'there is no WebSocket class here')
  return new SpaceConnection(openSocket(SocketClass, options), options)
}

const openSocket = (SocketClass: SocketClass, { url, space, token }: ConnectOptions) => {
  try {
    return new SocketClass(steadyUrl(spaceUrl(url, space)), subprotocols(token))
  } catch (error) {
    if (error instanceof PlenumError) throw error
    throw new PlenumError('bad_request', 'the URL or the token cannot be used', { cause: error })
  }
}
