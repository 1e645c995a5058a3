/** What a `SpaceProvider` is told: the stock provider's options, and its own. */
import type { Awareness } from 'y-protocols/awareness'
import type { WebsocketProvider } from 'y-websocket'
import type { Clock } from '../channel/clock.js'
import type { Door } from '../channel/door-choice.js'
import type { WatchHints } from '../channel/hints.js'
import type { SocketClass } from '../channel/socket.js'
import type { TokenSource } from '../channel/token-source.js'
import type { OpenTransport } from '../channel/transport.js'
import type { OpenPersistence, TextStore } from '../offline/persistence.js'

/** As y-websocket has them. */
export interface StockOptions {
  readonly connect?: boolean
  readonly awareness?: Awareness
  readonly params?: { [name: string]: string }
  readonly protocols?: string[]
  /** Where there is no global WebSocket (Node 20): the class of the `ws` package. */
  readonly WebSocketPolyfill?: SocketClass
  /** Ask the server for what is missing every so many milliseconds. */
  readonly resyncInterval?: number
  /** The longest wait between two attempts, ms; by default 10 s. */
  readonly maxBackoffTime?: number
  readonly disableBc?: boolean
  readonly shouldReconnect?: (event: CloseEvent, provider: WebsocketProvider) => boolean
}

export interface OfflineOptions {
  /** By default y-indexeddb. */
  readonly open?: OpenPersistence
  /** By default `localStorage`. */
  readonly texts?: TextStore
}

export interface SpaceProviderOptions extends StockOptions {
  /** A token, or what is asked for a fresh one at each attempt. Without it, `params` must carry one. */
  readonly token?: TokenSource
  /** Whose local copy and whose tabs these are; by default the token's `sub`, if it can be read. */
  readonly user?: string
  /** Keep a copy in this browser; needs `user`, or a token that is given as a text. */
  readonly offline?: boolean | OfflineOptions
  /** The ways to the server that may be used; by default all: the first that works, the best first. */
  readonly doors?: readonly Door[]
  /** Instead of these ways. */
  readonly transport?: OpenTransport
  /** How long a server may take to answer, ms. */
  readonly openTimeoutMs?: number
  /** How long a token function may take, ms; 60 s by default. `Infinity` where somebody may have to log in first. */
  readonly tokenTimeoutMs?: number
  readonly clock?: Clock
  readonly hints?: WatchHints
}
