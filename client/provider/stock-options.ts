/** What the stock provider below a `SpaceProvider` is told: it holds the socket, and decides nothing about it. */
import type { WebsocketProvider } from 'y-websocket'
import type { SpaceProviderOptions } from './provider-options.js'

type Told = NonNullable<ConstructorParameters<typeof WebsocketProvider>[3]>

export const stockOptions = (options: SpaceProviderOptions): Told => {
  const { awareness, params = {}, protocols = [], disableBc = false } = options
  return {
    params,
    protocols,
    disableBc,
    ...(awareness && { awareness }),
    connect: false,
    // The channel waits instead: by chance, for hints, and as the server says.
    maxBackoffTime: 0,
    WebSocketPolyfill: {} as typeof WebSocket,
  }
}
