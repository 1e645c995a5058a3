/**
 * Two ends of a WebSocket without a network: what one end sends waits in a lane until the test delivers it, in
 * order, as many frames as it likes. Nothing moves by itself, and nothing is timed.
 */

import type { Peer } from '../../server/space/peer.js'
import { ERRORS } from '../../shared/errors.js'

type Parcel =
  | { readonly type: 'frame'; readonly frame: Uint8Array<ArrayBuffer> }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }

interface Receiver {
  onFrame(frame: Uint8Array<ArrayBuffer>): void
  onClose(code: number, reason: string): void
}

/** One direction: the frames under way, oldest first. */
export class Lane {
  #receiver: Receiver | null = null
  #parcels: Parcel[] = []

  leadTo(receiver: Receiver): void {
    this.#receiver = receiver
  }

  get frames(): readonly Uint8Array[] {
    return this.#parcels.flatMap(parcel => (parcel.type === 'frame' ? [parcel.frame] : []))
  }

  get bytes(): number {
    return this.frames.reduce((sum, frame) => sum + frame.length, 0)
  }

  /** Frames, and the close that may follow them. */
  get length(): number {
    return this.#parcels.length
  }

  put(parcel: Parcel): void {
    this.#parcels.push(parcel)
  }

  /** Hands over up to `count` frames (a close counts as one). @returns how many */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let delivered = 0
    for (; delivered < count; delivered++) {
      const parcel = this.#parcels.shift()
      if (parcel === undefined) break
      if (parcel.type === 'frame') this.#receiver?.onFrame(parcel.frame)
      else this.#receiver?.onClose(parcel.code, parcel.reason)
    }
    return delivered
  }

  /** Loses up to `count` frames: what no TCP stream does, and a faulty sender may. */
  drop(count = Number.POSITIVE_INFINITY): void {
    this.#parcels = this.#parcels.filter(parcel => parcel.type === 'close' || count-- <= 0)
  }

  clear(): void {
    this.#parcels = []
  }
}

/** The server's end. Frames arrive at `onFrame`; `onClose` is called once, whoever closed. */
export class ServerEnd {
  onFrame: (frame: Uint8Array) => void = () => {}
  onClose: (code: number, reason: string) => void = () => {}
  readonly outbox = new Lane()
  #isOpen = true
  #isTold = false

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Bytes sent that the client was not handed yet. */
  get bufferedBytes(): number {
    return this.outbox.bytes
  }

  send(frame: Uint8Array): void {
    if (this.#isOpen) this.outbox.put({ type: 'frame', frame: Uint8Array.from(frame) })
  }

  close(code: number, reason = ''): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.outbox.put({ type: 'close', code, reason })
  }

  /** This end as the core sees it. */
  asPeer(): Peer {
    const end = this
    return {
      get bufferedBytes() {
        return end.bufferedBytes
      },
      send: frame => end.send(frame),
      close: (code, reason = ERRORS[code].text) => end.close(ERRORS[code].close, reason),
    }
  }

  /** The socket is gone; for `SocketPair`. */
  end(code: number, reason: string): void {
    this.#isOpen = false
    if (this.#isTold) return
    this.#isTold = true
    this.onClose(code, reason)
  }
}

type SocketEvent = 'open' | 'message' | 'error' | 'close'
// biome-ignore lint/suspicious/noExplicitAny: the DOM's and the ws package's event types, both
type Handler = ((event: any) => void) | null

/** The client's end, WebSocket-shaped: a stock provider takes its class for `WebSocketPolyfill`. */
export class ClientEnd {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSING = 2
  readonly CLOSED = 3
  binaryType = 'arraybuffer'
  readyState = 0
  protocol = ''
  onopen: Handler = null
  onmessage: Handler = null
  onerror: Handler = null
  onclose: Handler = null
  readonly outbox = new Lane()
  readonly #listeners: [SocketEvent, NonNullable<Handler>][] = []

  get bufferedAmount(): number {
    return this.outbox.bytes
  }

  addEventListener(name: SocketEvent, listener: NonNullable<Handler>): void {
    this.#listeners.push([name, listener])
  }

  send(frame: Uint8Array | ArrayBuffer): void {
    if (this.readyState === this.CONNECTING) throw new Error('sent before the socket was open')
    if (this.readyState !== this.OPEN) return
    this.outbox.put({ type: 'frame', frame: new Uint8Array(frame).slice() })
  }

  close(code = 1005, reason = ''): void {
    if (this.readyState >= this.CLOSING) return
    this.readyState = this.CLOSING
    this.outbox.put({ type: 'close', code, reason })
  }

  dispatch(name: SocketEvent, event: object = {}): void {
    this[`on${name}`]?.(event)
    for (const [wanted, listener] of this.#listeners) if (wanted === name) listener(event)
  }
}

export class SocketPair {
  readonly client: ClientEnd
  readonly server = new ServerEnd()
  readonly url: string
  /** What the client offered. */
  readonly protocols: readonly string[]

  constructor(client = new ClientEnd(), url = 'ws://test', protocols: readonly string[] = []) {
    this.client = client
    this.url = url
    this.protocols = protocols
    this.toServer.leadTo({
      onFrame: frame => {
        if (this.server.isOpen) this.server.onFrame(frame)
      },
      onClose: (code, reason) => {
        this.server.close(code, reason)
        this.server.end(code, reason)
      },
    })
    this.toClient.leadTo({
      onFrame: frame => {
        if (client.readyState === client.OPEN) client.dispatch('message', { data: frame.buffer })
      },
      onClose: (code, reason) => {
        client.close(code, reason)
        client.readyState = client.CLOSED
        client.dispatch('close', { code, reason, wasClean: true })
      },
    })
  }

  get toServer(): Lane {
    return this.client.outbox
  }

  get toClient(): Lane {
    return this.server.outbox
  }

  /** Completes the handshake. */
  accept(protocol = this.protocols[0] ?? ''): this {
    this.client.protocol = protocol
    this.client.readyState = this.client.OPEN
    this.client.dispatch('open')
    return this
  }

  /** Delivers both ways until nothing is under way. @returns how many parcels */
  deliverAll(): number {
    let sum = 0
    for (let delivered = -1; delivered !== 0; sum += delivered) {
      delivered = this.toServer.deliver() + this.toClient.deliver()
    }
    return sum
  }

  /** The network fails: what is under way is lost, and both ends are told 1006. Also a refused handshake. */
  cut(): void {
    this.toServer.clear()
    this.toClient.clear()
    this.server.end(1006, '')
    if (this.client.readyState === this.client.CLOSED) return
    this.client.readyState = this.client.CLOSED
    this.client.dispatch('error')
    this.client.dispatch('close', { code: 1006, reason: '', wasClean: false })
  }
}

/** What a stock provider takes for `WebSocketPolyfill`, and `connectSpace` for `WebSocket`. */
export type PairedSocketClass = new (url: string, protocols?: string | readonly string[]) => ClientEnd

/** A WebSocket class; `onConnect` gets the pair of each socket that is opened, to accept or cut it later. */
export const pairedSocketClass = (onConnect: (pair: SocketPair) => void): PairedSocketClass =>
  class extends ClientEnd {
    constructor(url: string, protocols: string | readonly string[] = []) {
      super()
      onConnect(new SocketPair(this, url, typeof protocols === 'string' ? [protocols] : protocols))
    }
  }
