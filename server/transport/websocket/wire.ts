/**
 * One WebSocket on its socket. As long as its frames are plain, nothing stands between the two; `ws` is brought in
 * for the first that is not, and for the end, and knows what to do about fragments, pings, what breaks RFC 6455 and
 * the closing handshake. Where it has nothing under way, plain frames pass it by again. A connection that never
 * needed it costs neither its memory (a third of an idle connection) nor its time.
 */
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { type FrameTerms, PartialFrame } from './partial-frame.js'
import { pastPong, plainPayload } from './plain-frames.js'
import { shareReads, type TakeRead } from './shared-reads.js'
import { isReceiverIdle, isSenderIdle, receiverOf } from './ws-internals.js'

/** A message with a larger payload ends its connection with 1009. */
export interface WireTerms extends FrameTerms {
  /** Has `ws` take over a socket. */
  start(socket: WireSocket): WebSocket
}

export type WireSocket = Duplex & { readonly bytesWritten?: number }

/** Who is told what happens on a wire. */
export interface WireOwner {
  /** Something else is about to be written: what is held back goes first. */
  release(): void
  /** A message, whose bytes are lent for the call. */
  onMessage(data: Uint8Array, isBinary: boolean): void
  /** So many bytes came, and what was whole in them was told. */
  onRead(bytes: number): void
  /** The operating system took what was written. */
  onDrained(): void
  /** The peer is going: a close frame, or the end of what it sends. May be told again. */
  onEnding(): void
  /** What the peer sent breaks RFC 6455 or a limit; it is being told. */
  onError(error: Error & { readonly code?: string }): void
  /** Nothing is left. Told once, last. */
  onClosed(): void
}

const PING = Buffer.of(0x89, 0)

/** Where listeners, which all wires share, find the wire of the emitter that they are called on. */
const WIRE = Symbol('wire')
type Emitter = object & { [WIRE]?: Wire }

export class Wire {
  readonly socket: WireSocket
  readonly #owner: WireOwner
  readonly #terms: WireTerms
  #ws: WebSocket | null = null
  /** What came last and is not whole. Whenever `ws` is to read on, it is given back first. */
  #partial: PartialFrame | null = null
  #isOpen = true

  /** @param ws where it has the socket already */
  constructor(socket: WireSocket, ws: WebSocket | null, terms: WireTerms, owner: WireOwner) {
    this.socket = socket
    this.#terms = terms
    this.#owner = owner
    ;(socket as Emitter)[WIRE] = this
    // Before `ws` hears of it.
    socket.prependListener('close', Wire.#onSocket.close)
    socket.on('drain', Wire.#onSocket.drain)
    socket.on('end', Wire.#onSocket.end)
    if (ws !== null) this.#takeOver(ws)
    // Also for what was read before, with the request.
    socket.on('data', Wire.#onSocket.data)
    if (ws === null) shareReads(socket, Wire.#onShared)
  }

  get isOpen(): boolean {
    return this.#isOpen && (this.#ws === null || this.#ws.readyState === WebSocket.OPEN)
  }

  get isPaused(): boolean {
    return this.#ws === null ? this.socket.isPaused() : this.#ws.isPaused
  }

  /** Whether frames may be written to the socket. */
  get isIdle(): boolean {
    return this.#ws === null || isSenderIdle(this.#ws)
  }

  /** Behind what `ws` has under way. */
  send(frame: Uint8Array): void {
    this.#owner.release()
    this.#started.send(frame, { binary: true, compress: false })
  }

  ping(): void {
    this.#owner.release()
    if (this.#ws === null) this.socket.write(PING)
    else this.#ws.ping()
  }

  /** Stops reading. Of the chunk that is being read the rest is told still. */
  pause(): void {
    const { socket } = this
    ;(this.#ws ?? socket).pause()
  }

  resume(): void {
    const { socket } = this
    ;(this.#ws ?? socket).resume()
  }

  /** Tells the peer, whose answer must be read. */
  close(code: number, reason: string): void {
    if (!this.isOpen) return
    this.#owner.release()
    this.#started.close(code, reason)
  }

  /** Ends it without a handshake. */
  terminate(): void {
    this.#isOpen = false
    if (this.#ws === null) this.socket.destroy()
    else this.#ws.terminate()
  }

  get #started(): WebSocket {
    return this.#ws ?? this.#takeOver(this.#terms.start(this.socket))
  }

  /** From here on `ws` owns the connection, and is given what comes by hand, so that plain frames may pass it by. */
  #takeOver(ws: WebSocket): WebSocket {
    const { socket } = this
    if (socket.isPaused()) ws.pause()
    if (receiverOf(ws) !== null) {
      for (const listener of socket.listeners('data')) {
        if (listener !== Wire.#onSocket.data) socket.off('data', listener as () => void)
      }
    }
    ;(ws as Emitter)[WIRE] = this
    ws.on('message', Wire.#onWs.message)
    ws.on('error', Wire.#onWs.error)
    ws.on('close', Wire.#onWs.close)
    this.#ws = ws
    return ws
  }

  #read(chunk: Buffer): void {
    const isByHand = this.#ws === null || isReceiverIdle(this.#ws)
    const end = isByHand ? this.#readPlain(chunk) : 0
    if (end < chunk.length) this.#handOver(chunk.subarray(end))
    if (!this.isOpen) this.#owner.onEnding()
    this.#owner.onRead(chunk.length)
  }

  /** @returns where what is not plain begins */
  #readPlain(chunk: Buffer): number {
    const { maxPayloadBytes } = this.#terms
    let end = 0
    while (end < chunk.length) {
      if (this.#partial !== null) {
        end = this.#readOn(this.#partial, chunk, end)
        continue
      }
      const payload = plainPayload(chunk, end, maxPayloadBytes)
      if (payload !== null) {
        end = payload.byteOffset - chunk.byteOffset + payload.length
        this.#owner.onMessage(payload, true)
        continue
      }
      const next = pastPong(chunk, end)
      if (next > end) {
        end = next
        continue
      }
      this.#partial = PartialFrame.at(chunk, end, this.#terms)
      if (this.#partial === null) break
      end = this.#readOn(this.#partial, chunk, end + this.#partial.headerBytes)
    }
    return end
  }

  #readOn(partial: PartialFrame, chunk: Buffer, start: number): number {
    const end = partial.take(chunk, start)
    const { payload } = partial
    if (payload !== null) {
      this.#partial = null
      this.#owner.onMessage(payload, true)
      partial.end()
    }
    return end
  }

  #handOver(rest: Buffer): void {
    this.#owner.release()
    const receiver = receiverOf(this.#started)
    this.#giveBack()
    // It may keep what it is given.
    if (receiver !== null && !receiver.write(Buffer.from(rest))) this.socket.pause()
  }

  #giveBack(): void {
    const partial = this.#partial
    this.#partial = null
    if (partial === null || this.#ws === null) return
    const receiver = receiverOf(this.#ws)
    for (const bytes of partial.giveBack()) receiver?.write(bytes)
  }

  static readonly #onShared: TakeRead = function (this: Emitter, bytes, buffer) {
    this[WIRE]!.#read(buffer.subarray(0, bytes))
  }

  static readonly #onSocket = {
    data(this: Emitter, chunk: Buffer): void {
      this[WIRE]!.#read(chunk)
    },
    drain(this: Emitter): void {
      this[WIRE]!.#owner.onDrained()
    },
    end(this: Emitter): void {
      const wire = this[WIRE]!
      wire.#owner.release()
      if (wire.#ws === null) {
        wire.#isOpen = false
        wire.socket.end()
      }
      wire.#owner.onEnding()
    },
    close(this: Emitter): void {
      this[WIRE]!.#closed()
    },
  }

  static readonly #onWs = {
    message(this: Emitter, data: unknown, isBinary: boolean): void {
      this[WIRE]!.#owner.onMessage(data as Buffer, isBinary)
    },
    error(this: Emitter, error: Error): void {
      this[WIRE]!.#owner.onError(error)
    },
    close(this: Emitter): void {
      this[WIRE]!.#owner.onClosed()
    },
  }

  #closed(): void {
    // `ws` tells, when it is through with what it has.
    if (this.#ws !== null) {
      this.#giveBack()
      return
    }
    this.#isOpen = false
    if (this.socket.readableLength === 0) this.#owner.onClosed()
    else this.#closedUnread()
  }

  /** Reading was paused: `ws` knows how to read the rest, but comes too late to hear that the socket has closed. */
  #closedUnread(): void {
    const { socket } = this
    const before = socket.listeners('close')
    this.#takeOver(this.#terms.start(socket))
    this.#giveBack()
    for (const listener of socket.listeners('close')) if (!before.includes(listener)) listener.call(socket)
  }
}
