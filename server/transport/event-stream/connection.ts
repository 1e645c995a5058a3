/**
 * One session of the second door as a peer of a space: its frames go down in order as events, those that come up are
 * handed on in order, one at a time, and the session is left in the tick in which its client is known to be gone.
 */
import { ERRORS, type ErrorCode, PlenumError, toPlenumError } from '../../../shared/errors.js'
import type { SpaceName } from '../../../shared/names.js'
import { decodeFrames, STREAM_EVENT, type StreamClosed } from '../../../shared/protocol/index.js'
import { type CloseCause, leaveReasonFor } from '../close-cause.js'
import { closeReason } from '../close-reason.js'
import type { HeldConnection } from '../entrance.js'
import { firstPulse, isBeatDue, nextPulse, type Pulse } from '../heartbeat.js'
import { CLOSE_TIMEOUT_MS, type Keeper, MAX_HELD_BYTES } from '../keeper.js'
import type { Holder } from '../outlet.js'
import type { Session } from '../ports.js'
import type { Delivery, Receiver } from './delivery.js'
import { namedEvent, type SharedEvents } from './shared-events.js'
import { UploadOrder } from './upload-order.js'

export type EventStreamKeeper = Keeper<EventStreamConnection, SharedEvents>

/** Whose session it is: later requests have to be of the same. */
export interface Owner {
  readonly space: SpaceName
  readonly user: string
}

export interface EventStreamConnectionOptions {
  /** Names it in requests; nobody can guess it. */
  readonly key: string
  readonly owner: Owner
  readonly nowMs: number
  readonly keeper: EventStreamKeeper
  openDelivery(receiver: Receiver): Delivery
}

/** Of one body so many are handed on before others have their turn. */
const FRAMES_PER_TURN = 256

const PING = namedEvent(STREAM_EVENT.ping)

export class EventStreamConnection implements HeldConnection, Holder, Receiver {
  readonly key: string
  readonly owner: Owner
  readonly uploads = new UploadOrder()
  readonly #keeper: EventStreamKeeper
  readonly #delivery: Delivery
  #session: Session | null = null
  #onAttached: (() => void) | null = null
  #hasLeft = false
  #cause: CloseCause | null = null
  /** Frames of the POST that is being handled. */
  #waiting: Uint8Array[] = []
  #isHandling = false
  #wasHeard = true
  #wasPaused = false
  #pulse: Pulse
  #closingSinceMs: number | null = null
  /** Events of this tick that were not written yet. */
  #held: Buffer[] = []
  #heldBytes = 0

  constructor({ key, owner, nowMs, keeper, openDelivery }: EventStreamConnectionOptions) {
    this.key = key
    this.owner = owner
    this.#keeper = keeper
    this.#pulse = firstPulse(nowMs, keeper.heartbeat)
    this.#delivery = openDelivery(this)
  }

  get isOpen(): boolean {
    return this.#cause === null && !this.#hasLeft
  }

  /** Text, as it travels. What is held until the tick ends was not offered to anybody yet, and does not count. */
  get bufferedBytes(): number {
    return this.#delivery.unsentBytes
  }

  send(frame: Uint8Array): void {
    if (!this.isOpen) return
    if (this.#heldBytes === 0) this.#keeper.outlet.hold(this)
    const event = this.#keeper.outlet.frames.of(frame)
    this.#held.push(event)
    this.#heldBytes += event.length
    if (this.#heldBytes > MAX_HELD_BYTES) this.release()
  }

  release(): void {
    if (this.#heldBytes > 0) this.#delivery.write(this.#takeHeld())
  }

  close(code: ErrorCode, reason: string = ERRORS[code].text): void {
    if (!this.isOpen) return
    this.#cause = code
    this.#waiting = []
    const closed: StreamClosed = { code: ERRORS[code].close, reason: closeReason(reason) }
    const last = namedEvent(STREAM_EVENT.close, JSON.stringify(closed))
    this.#delivery.end(Buffer.concat([this.#takeHeld(), last]))
    // The session may be the caller: let it finish before it hears that it has left.
    queueMicrotask(() => this.#leave())
  }

  attach(session: Session): void {
    this.#session = session
    if (this.#hasLeft) session.leave(leaveReasonFor(this.#cause))
    this.#onAttached?.()
    this.#onAttached = null
  }

  /** The client gave a sign of life. */
  heard(): void {
    this.#wasHeard = true
  }

  /**
   * Hands on the frames of one body. One call at a time.
   * @throws malformed, no_session, internal, or the code that the session was closed with meanwhile
   */
  async receive(body: Uint8Array): Promise<void> {
    this.#waiting = this.#decode(body)
    this.#isHandling = true
    this.#wasPaused = true
    try {
      if (this.#session === null) await this.#untilAttached()
      for (let taken = 1; this.#session !== null && this.#waiting.length > 0 && this.isOpen; taken++) {
        const done = this.#session.receive(this.#waiting.shift()!)
        if (done !== undefined) await done
        if (taken % FRAMES_PER_TURN === 0) await othersTurn()
      }
    } catch (error) {
      throw this.#fail(error)
    } finally {
      this.#isHandling = false
    }
    if (this.#cause !== null && this.#cause in ERRORS) throw new PlenumError(this.#cause as ErrorCode)
  }

  /** The client says that it goes. */
  leave(): void {
    this.#endedByClient()
    this.#delivery.end(null)
  }

  sweep(nowMs: number): void {
    if (this.#cause !== null) {
      this.#closingSinceMs ??= nowMs
      if (nowMs - this.#closingSinceMs >= CLOSE_TIMEOUT_MS) this.#delivery.destroy()
      return
    }
    if (!isBeatDue(this.#pulse, nowMs)) return
    const signs = {
      wasHeard: this.#wasHeard,
      wasPaused: this.#wasPaused,
      unsentBytes: this.#delivery.travellingBytes,
      takenBytes: this.#delivery.takenBytes,
    }
    const { pulse, beat } = nextPulse(this.#pulse, signs, nowMs, this.#keeper.heartbeat)
    if (pulse !== this.#pulse) {
      this.#wasHeard = false
      this.#wasPaused = this.#isHandling
    }
    this.#pulse = pulse
    if (beat === 'ask') this.#delivery.write(Buffer.concat([this.#takeHeld(), PING]))
    if (beat === 'dead') this.terminate('half_open')
  }

  terminate(cause: CloseCause): void {
    this.#cause ??= cause
    this.#leave()
    this.#delivery.destroy()
  }

  drained(): void {
    if (!this.#hasLeft) this.#session?.drained()
  }

  gone(): void {
    this.#endedByClient()
  }

  closed(): void {
    this.#endedByClient()
    this.#keeper.onClosed(this, this.#cause ?? 'peer')
  }

  #takeHeld(): Buffer {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    return held.length === 1 ? held[0]! : Buffer.concat(held)
  }

  #decode(body: Uint8Array): Uint8Array[] {
    try {
      return decodeFrames(body)
    } catch (error) {
      const { code, message } = toPlenumError(error)
      this.close(code, message)
      throw error
    }
  }

  #untilAttached(): Promise<void> {
    return new Promise(resolve => {
      if (this.#hasLeft) resolve()
      else this.#onAttached = resolve
    })
  }

  #fail(error: unknown): PlenumError {
    const fault = toPlenumError(error)
    if (this.#cause === null) this.#keeper.onFault(this, fault)
    this.close(fault.code, fault.message)
    return fault
  }

  /** What was sent before counts still. */
  #endedByClient(): void {
    this.#cause ??= 'peer'
    this.#leave()
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#onAttached?.()
    this.#onAttached = null
    const session = this.#session
    const rest = this.#waiting
    this.#waiting = []
    if (session === null) return
    try {
      session.leave(leaveReasonFor(this.#cause), rest)
    } catch (error) {
      this.#keeper.onFault(this, toPlenumError(error))
    }
  }
}

const othersTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
