/**
 * `Channel` as a class that a stock y-websocket provider takes for `WebSocketPolyfill`. The options that a
 * WebSocket's constructor has no place for come with the class.
 */
import type { Pace } from './backoff.js'
import { Channel } from './channel.js'
import type { Clock } from './clock.js'
import type { ConnectionState } from './connection-state.js'
import { Dialer } from './dialer.js'
import type { Door } from './door-choice.js'
import { fallbackTransport } from './fallback-transport.js'
import type { WatchHints } from './hints.js'
import { createLedger } from './save-ledger.js'
import type { SocketClass } from './socket.js'
import type { TokenSource } from './token-source.js'
import type { OpenTransport } from './transport.js'

export interface ChannelOptions {
  /** Asked for at each attempt. Without it, the URL must carry one (`?token=`). */
  readonly token?: TokenSource
  /** Where there is no global WebSocket (Node 20): the class of the `ws` package. */
  readonly WebSocket?: SocketClass
  /** The ways to the server that may be used; by default all: the first that works, the best first. */
  readonly doors?: readonly Door[]
  /** Instead of these ways. */
  readonly transport?: OpenTransport
  /** The incarnation under which the local copy was last synced, where the app remembers it. */
  readonly knownIncarnation?: string
  /** Whether the local copy holds nothing; by default, whether no content has passed yet. */
  readonly isEmptyDocument?: () => boolean
  /** How it stands, by URL; the one way to hear why it stopped from a provider that does not tell. */
  readonly onConnection?: (state: ConnectionState, url: string) => void
  readonly pace?: Pace
  readonly openTimeoutMs?: number
  /** How long a token function may take, ms; 60 s by default. `Infinity` where somebody may have to log in first. */
  readonly tokenTimeoutMs?: number
  readonly clock?: Clock
  readonly hints?: WatchHints
}

/** Takes the place of the WebSocket class. */
export interface ChannelClass {
  new (url: string | URL, protocols?: string | string[]): Channel & WebSocket
  readonly prototype: Channel & WebSocket
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSING: 2
  readonly CLOSED: 3
  /** After a permanent close: attempts that are made, or wait to be, go on. */
  resume(): void
}

/**
 * A class of channels. The first to reach a URL and those that follow it share what is known about the space;
 * make one class per provider.
 */
export const channelClass = (options: ChannelOptions = {}): ChannelClass => {
  const { knownIncarnation: incarnation = null, isEmptyDocument, onConnection, ...rest } = options
  const { WebSocket, doors, clock, hints, openTimeoutMs } = rest
  const dialers = new Map<string, Dialer>()
  const dialerFor = (url: string): Dialer => {
    const known = dialers.get(url)
    if (known !== undefined && !known.isBusy) return known
    const dialer = new Dialer({
      transport: fallbackTransport({ WebSocket, doors, clock, hints, openTimeoutMs }),
      ...rest,
      isEmptyDocument,
      ledger: createLedger({ incarnation, isEmptyDocument: isEmptyDocument?.() ?? true }),
      onConnection: state => onConnection?.(state, url),
    })
    dialers.set(url, dialer)
    return dialer
  }
  return boundClass(dialerFor, () => {
    for (const dialer of dialers.values()) dialer.resume()
  })
}

/** A class of the channels of one dialer. */
export const channelsOf = (dialer: Dialer): ChannelClass =>
  boundClass(
    () => dialer,
    () => dialer.resume(),
  )

const boundClass = (dialerFor: (url: string) => Dialer, resume: () => void): ChannelClass =>
  class BoundChannel extends Channel {
    static readonly resume = resume

    constructor(url: string | URL, protocols?: string | string[]) {
      super(dialerFor(String(url)), url, protocols)
    }
  } as unknown as ChannelClass
