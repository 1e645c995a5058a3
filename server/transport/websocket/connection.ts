/**
 * One accepted WebSocket as a peer of a space. Frames reach the session in order, one at a time, from the
 * first one on; the session is left in the tick in which the connection is known to end.
 */
import type { WebSocket } from 'ws'
import { ERRORS, type ErrorCode, toPlenumError } from '../../../shared/errors.js'
import { type CloseCause, leaveReasonFor } from '../close-cause.js'
import { closeReason } from '../close-reason.js'
import type { HeldConnection } from '../entrance.js'
import { firstPulse, isBeatDue, nextPulse, type Pulse } from '../heartbeat.js'
import { CLOSE_TIMEOUT_MS, type Keeper, MAX_HELD_BYTES } from '../keeper.js'
import type { Holder } from '../outlet.js'
import type { Session } from '../ports.js'
import type { ReadPace } from '../read-pace.js'
import { unsentBytes } from '../unsent.js'
import { isDeflating } from './deflate.js'
import type { Chunks, SharedFrames } from './shared-frames.js'
import { FULL_READ_BYTES } from './shared-reads.js'
import { Wire, type WireOwner, type WireSocket, type WireTerms } from './wire.js'

export interface WebSocketKeeper extends Keeper<Connection, SharedFrames> {
  readonly wireTerms: WireTerms
  readonly readPace: ReadPace | null
}

export interface ConnectionOptions {
  readonly socket: WireSocket
  /** Where it has the socket already. */
  readonly ws: WebSocket | null
  readonly nowMs: number
  readonly keeper: WebSocketKeeper
}

export class Connection implements HeldConnection, Holder, WireOwner {
  readonly #wire: Wire
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
  /** Framed in this tick, for the socket when the tick ends: the first frame, which others share, and what follows. */
  #held: Chunks | null = null
  #heldAfter: Uint8Array[] | null = null
  #heldBytes = 0

  constructor({ socket, ws, nowMs, keeper }: ConnectionOptions) {
    this.#keeper = keeper
    this.#isDeflating = ws !== null && isDeflating(ws)
    this.#pulse = firstPulse(nowMs, keeper.heartbeat)
    this.#wire = new Wire(socket, ws, keeper.wireTerms, this)
  }

  get bufferedBytes(): number {
    return unsentBytes(this.#wire.socket)
  }

  send(frame: Uint8Array): void {
    const wire = this.#wire
    if (this.#cause !== null || !wire.isOpen) return
    if (!wire.isIdle) {
      wire.send(frame)
      return
    }
    const chunks = this.#keeper.outlet.frames.of(frame, this.#isDeflating)
    if (this.#held === null) {
      this.#held = chunks
      this.#keeper.outlet.hold(this)
    } else {
      this.#heldAfter ??= []
      this.#heldAfter.push(...chunks)
    }
    for (const { length } of chunks) this.#heldBytes += length
    if (this.#heldBytes > MAX_HELD_BYTES) this.release()
  }

  /** Not by way of a corked socket: most ticks have one frame, and a socket's own queue costs more than its write. */
  release(): void {
    const first = this.#held
    if (first === null) return
    const after = this.#heldAfter
    this.#held = null
    this.#heldAfter = null
    this.#heldBytes = 0
    const { socket } = this.#wire
    // It ended meanwhile.
    if (!socket.writable) return
    if (after === null && first.length === 1) {
      socket.write(first[0])
      return
    }
    socket.cork()
    for (const chunk of first) socket.write(chunk)
    if (after !== null) for (const chunk of after) socket.write(chunk)
    socket.uncork()
  }

  close(code: ErrorCode, reason: string = ERRORS[code].text): void {
    if (this.#cause !== null) return
    this.#cause = code
    this.#waiting = null
    this.#wire.close(ERRORS[code].close, closeReason(reason))
    // The peer's answer must be read, or the socket lingers.
    this.#wire.resume()
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
      if (nowMs - this.#closingSinceMs >= CLOSE_TIMEOUT_MS) this.#wire.terminate()
      return
    }
    if (!isBeatDue(this.#pulse, nowMs)) return
    const unsent = this.bufferedBytes
    const signs = {
      wasHeard: this.#wasHeard,
      wasPaused: this.#wasPaused,
      unsentBytes: unsent,
      takenBytes: (this.#wire.socket.bytesWritten ?? 0) - unsent,
    }
    const { pulse, beat } = nextPulse(this.#pulse, signs, nowMs, this.#keeper.heartbeat)
    if (pulse !== this.#pulse) {
      this.#wasHeard = false
      this.#wasPaused = this.#wire.isPaused
    }
    this.#pulse = pulse
    if (beat === 'ask' && this.#wire.isOpen) this.#wire.ping()
    if (beat === 'dead') this.terminate('half_open')
  }

  /** Ends the connection without a handshake. */
  terminate(cause: CloseCause): void {
    this.#cause ??= cause
    this.#wire.terminate()
    this.#leave()
  }

  onMessage(data: Uint8Array, isBinary: boolean): void {
    if (this.#cause !== null || this.#hasLeft) return
    if (!isBinary) {
      this.close('malformed', 'text frames are not part of the protocol')
      return
    }
    if (this.#session === null || this.#isHandling) {
      this.#waiting ??= []
      this.#waiting.push(new Uint8Array(data))
      this.#pause()
    } else this.#handle(this.#session, data)
  }

  onRead(bytes: number): void {
    this.#wasHeard = true
    this.#keeper.readPace?.read(this)
    // Also of whom was told to go, and goes on: what it sends is read until it answers.
    if (bytes >= FULL_READ_BYTES) this.#letOthersRead()
  }

  onDrained(): void {
    if (!this.#hasLeft) this.#session?.drained()
  }

  /** What it sent before counts still. */
  onEnding(): void {
    this.#cause ??= 'peer'
    this.#leave()
  }

  /** 1009 is our limit speaking. */
  onError({ code }: Error & { readonly code?: string }): void {
    const isTooLarge = code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    this.#cause ??= isTooLarge ? 'too_large' : 'protocol_error'
    this.#leave()
  }

  onClosed(): void {
    this.onEnding()
    this.#keeper.onClosed(this, this.#cause ?? 'peer')
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
    if (!this.#isHandling && this.#wire.isPaused) this.#wire.resume()
  }

  /** More has come than one read takes: without a pause up to 32 of them would be handled in a row. */
  #letOthersRead(): void {
    if (this.#wire.isPaused) return
    this.#wire.pause()
    setImmediate(() => {
      // Where a frame waits by now, whoever takes it reads on.
      const isIdle = this.#waiting === null && !this.#isHandling
      if ((isIdle || this.#cause !== null) && this.#wire.isPaused) this.#wire.resume()
    })
  }

  /** Most are handled before there is more to read, and then nothing has to stop. */
  #pause(): void {
    if (this.#wire.isPaused) return
    this.#wasPaused = true
    this.#wire.pause()
  }

  #fail(error: unknown): void {
    const fault = toPlenumError(error)
    this.#isHandling = false
    if (this.#cause === null) this.#keeper.onFault(this, fault)
    this.close(fault.code, fault.message)
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
