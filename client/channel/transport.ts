/** The port between an attempt and the network: frames both ways, in order, until one close. */
import type { Close } from './connection-closed.js'
import type { Door } from './door-choice.js'

export interface TransportEvents {
  opened(): void
  /** @param data an ArrayBuffer, unless the other end breaks the protocol */
  frame(data: unknown): void
  /** The last event. */
  closed(close: Close): void
  /** Instead of `closed`: nothing is wrong, and the next attempt gets through a better door. */
  moved(): void
}

export interface Transport {
  /** The subprotocol that the server selected. */
  readonly protocol: string
  /** Which way it goes; a transport of the app's own need not say. */
  readonly door?: Door | undefined
  /** Bytes taken by `send` that the network has not taken yet. */
  readonly bufferedBytes: number
  /** It closed without ever having worked both ways: something on the way holds back what the server sends. */
  readonly isStalled?: boolean
  send(frame: Uint8Array<ArrayBuffer>): void
  /** What was sent before still goes out. */
  close(code: number, reason: string): void
}

export interface TransportTarget {
  readonly url: string
  readonly protocols: string[]
}

/** Begins to connect; may throw what is wrong with the target. */
export type OpenTransport = (target: TransportTarget, events: TransportEvents) => Transport
