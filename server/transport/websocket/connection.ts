/**
 * One accepted WebSocket as a peer of a space. Frames reach the session in order, one at a time, from the
 * first one on; the session is left in the tick in which the connection is known to end.
 */
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { ERRORS, type ErrorCode, toPlenumError } from '../../../shared/errors.js'
import { type CloseCause, leaveReasonFor } from '../close-cause.js'
import { closeReason } from '../close-reason.js'
import type { HeldConnection } from '../entrance.js'
import { firstPulse, isBeatDue, nextPulse, type Pulse } from '../heartbeat.js'
import { CLOSE_TIMEOUT_MS, type Keeper, MAX_HELD_BYTES } from '../keeper.js'
import type { Holder } from '../outlet.js'
import type { Session } from '../ports.js'
import { unsentBytes } from '../unsent.js'
import { isDeflating } from './deflate.js'
import { isSenderIdle } from './sender-state.js'
import type { SharedFrames } from './shared-frames.js'

/** What libuv reads at once at most. */
const FULL_READ_BYTES = 64 * 1024

export type WebSocketKeeper = Keeper<Connection, SharedFrames>

export interface ConnectionOptions {
  readonly ws: WebSocket
  /** The raw socket that `ws` runs on. */
  readonly socket: Duplex & { readonly bytesWritten?: number }
  readonly nowMs: number
  readonly keeper: WebSocketKeeper
}

/** Where listeners, which all connections share, find the connection of the emitter that they are called on. */
const CONNECTION = Symbol('connection')
type Emitter = object & { [CONNECTION]?: Connection }

export class Connection implements HeldConnection, Holder {
  readonly #ws: WebSocket
  readonly #socket: ConnectionOptions['socket']
  readonly #keeper: WebSocketKeeper
  readonly #isDeflating: boolean
  #session: Session | null = null
  #hasLeft = false
  #cause: CloseCause | null = null
  /** Frames that arrived while the session was busy: reading goes on until the first of them, and its chunk ends. */
  #waiting: Uint8Array[] | null = null
  #isHandling = false
  #wasHeard = true
  #wasPaused = false
  #pulse: Pulse
  #closingSinceMs: number | null = null
  /** Written in this tick and not handed to the operating system yet: the socket is corked. */
  #heldBytes = 0

  constructor({ ws, socket, nowMs, keeper }: ConnectionOptions) {
    this.#ws = ws
    this.#socket = socket
    this.#keeper = keeper
    this.#isDeflating = isDeflating(ws)
    this.#pulse = firstPulse(nowMs, keeper.heartbeat)
    ;(ws as Emitter)[CONNECTION] = this
    ;(socket as Emitter)[CONNECTION] = this
    ws.on('message', Connection.#onWs.message)
    ws.on('error', Connection.#onWs.error)
    ws.on('close', Connection.#onWs.close)
    socket.on('drain', Connection.#onSocket.drain)
    socket.on('data', Connection.#onSocket.data)
    socket.on('end', Connection.#onSocket.end)
  }

  static readonly #onWs = {
    message(this: Emitter, data: unknown, isBinary: boolean): void {
      this[CONNECTION]!.#onMessage(data as Buffer, isBinary)
    },
    error(this: Emitter, error: Error): void {
      this[CONNECTION]!.#onError(error)
    },
    close(this: Emitter): void {
      this[CONNECTION]!.#onClose()
    },
  }

  static readonly #onSocket = {
    drain(this: Emitter): void {
      const connection = this[CONNECTION]!
      if (!connection.#hasLeft) connection.#session?.drained()
    },
    // ws emits 'close' only when the socket has ended. Its own listener on the socket ran before this one, so a
    // close frame in this chunk, or the end, shows in `readyState` now.
    data(this: Emitter, chunk: Buffer): void {
      const connection = this[CONNECTION]!
      connection.#wasHeard = true
      if (connection.#ws.readyState !== WebSocket.OPEN) connection.#endedByPeer()
      // Also of whom was told to go, and goes on: what it sends is read until it answers.
      if (chunk.length >= FULL_READ_BYTES) connection.#letOthersRead()
    },
    end(this: Emitter): void {
      this[CONNECTION]!.#endedByPeer()
    },
  }

  /** What is held until the tick ends was not offered to the operating system yet, and does not count. */
  get bufferedBytes(): number {
    return Math.max(0, unsentBytes(this.#socket) - this.#heldBytes)
  }

  send(frame: Uint8Array): void {
    if (this.#cause !== null || this.#ws.readyState !== WebSocket.OPEN) return
    if (!isSenderIdle(this.#ws)) {
      this.#ws.send(frame, { binary: true, compress: false })
      return
    }
    if (this.#heldBytes === 0) {
      this.#socket.cork()
      this.#keeper.outlet.hold(this)
    }
    for (const chunk of this.#keeper.outlet.frames.of(frame, this.#isDeflating)) {
      this.#socket.write(chunk)
      this.#heldBytes += chunk.length
    }
    if (this.#heldBytes > MAX_HELD_BYTES) this.release()
  }

  release(): void {
    if (this.#heldBytes === 0) return
    this.#heldBytes = 0
    this.#socket.uncork()
  }

  close(code: ErrorCode, reason: string = ERRORS[code].text): void {
    if (this.#cause !== null) return
    this.#cause = code
    this.#waiting = null
    this.#ws.close(ERRORS[code].close, closeReason(reason))
    // The peer's answer must be read, or the socket lingers.
    this.#ws.resume()
    // The session may be the caller: let it finish before it hears that it has left.
    queueMicrotask(() => this.#leave())
  }

  /** The session is ready: frames flow from here on. */
  attach(session: Session): void {
    this.#session = session
    if (this.#hasLeft) {
      session.leave(leaveReasonFor(this.#cause))
      return
    }
    this.#resume()
  }

  /** Pings, and ends what is half-open or does not answer our close. */
  sweep(nowMs: number): void {
    if (this.#cause !== null) {
      this.#closingSinceMs ??= nowMs
      if (nowMs - this.#closingSinceMs >= CLOSE_TIMEOUT_MS) this.#ws.terminate()
      return
    }
    if (!isBeatDue(this.#pulse, nowMs)) return
    const unsent = this.bufferedBytes
    const signs = {
      wasHeard: this.#wasHeard,
      wasPaused: this.#wasPaused,
      unsentBytes: unsent,
      takenBytes: (this.#socket.bytesWritten ?? 0) - unsent,
    }
    const { pulse, beat } = nextPulse(this.#pulse, signs, nowMs, this.#keeper.heartbeat)
    if (pulse !== this.#pulse) {
      this.#wasHeard = false
      this.#wasPaused = this.#ws.isPaused
    }
    this.#pulse = pulse
    if (beat === 'ask' && this.#ws.readyState === WebSocket.OPEN) this.#ws.ping()
    if (beat === 'dead') this.terminate('half_open')
  }

  /** Ends the connection without a handshake. */
  terminate(cause: CloseCause): void {
    this.#cause ??= cause
    this.#ws.terminate()
    this.#leave()
  }

  #onMessage(data: Uint8Array, isBinary: boolean): void {
    if (this.#cause !== null || this.#hasLeft) return
    if (!isBinary) {
      this.close('malformed', 'text frames are not part of the protocol')
      return
    }
    if (this.#session === null || this.#isHandling) {
      this.#waiting ??= []
      this.#waiting.push(data)
      this.#pause()
    } else this.#handle(this.#session, data)
  }

  #handle(session: Session, frame: Uint8Array): void {
    try {
      const done = session.receive(frame)
      if (done === undefined) return
      this.#isHandling = true
      done.then(
        () => {
          this.#isHandling = false
          this.#resume()
        },
        error => this.#fail(error),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Hands on what waited, until the session asks for another pause; then reads again. */
  #resume(): void {
    while (this.#session !== null && this.#waiting !== null) {
      if (this.#isHandling || this.#cause !== null || this.#hasLeft) return
      const frame = this.#waiting.shift()!
      if (this.#waiting.length === 0) this.#waiting = null
      this.#handle(this.#session, frame)
    }
    if (!this.#isHandling && this.#ws.isPaused) this.#ws.resume()
  }

  /** More has come than one read takes: without a pause up to 32 of them would be handled in a row. */
  #letOthersRead(): void {
    if (this.#ws.isPaused) return
    this.#ws.pause()
    setImmediate(() => {
      // Where a frame waits by now, whoever takes it reads on.
      const isIdle = this.#waiting === null && !this.#isHandling
      if ((isIdle || this.#cause !== null) && this.#ws.isPaused) this.#ws.resume()
    })
  }

  /** Most are handled before there is more to read, and then nothing has to stop. */
  #pause(): void {
    if (this.#ws.isPaused) return
    this.#wasPaused = true
    this.#ws.pause()
  }

  #fail(error: unknown): void {
    const fault = toPlenumError(error)
    this.#isHandling = false
    if (this.#cause === null) this.#keeper.onFault(this, fault)
    this.close(fault.code, fault.message)
  }

  #onError(error: Error & { code?: string }): void {
    // ws answers what breaks RFC 6455 with a close frame of its own; 1009 is our limit speaking.
    const isTooLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    this.#cause ??= isTooLarge ? 'too_large' : 'protocol_error'
    this.#leave()
  }

  /** The peer is going: what it sent before counts still. */
  #endedByPeer(): void {
    this.#cause ??= 'peer'
    this.#leave()
  }

  #onClose(): void {
    this.#endedByPeer()
    this.#keeper.onClosed(this, this.#cause ?? 'peer')
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    const session = this.#session
    const rest = this.#waiting ?? []
    this.#waiting = null
    if (session === null) return
    try {
      session.leave(leaveReasonFor(this.#cause), rest)
    } catch (error) {
      this.#keeper.onFault(this, toPlenumError(error))
    }
  }
}
