/**
 * What is the same at every door: who is judged, who is let in and joins a space, who holds a place, what is told.
 * Whoever came in is held from then until its connection is gone, and its place goes with it.
 */
import type { IncomingMessage } from 'node:http'
import { ERRORS, type PlenumError, toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Access, Peer } from '../space/peer.js'
import type { CloseCause } from './close-cause.js'
import type { HeartbeatLimits } from './heartbeat.js'
import { Judge, type Recognition, type Verdict } from './judge.js'
import type { Admission, Door, DoorObserver, Gate, Place, Refusal, Session, Spaces } from './ports.js'
import { type Asked, applicantOf } from './upgrade-request.js'
import type { Wish } from './wish.js'

export interface DoorOptions {
  readonly gate: Gate
  readonly admission: Admission
  readonly spaces: Spaces
  readonly observer: DoorObserver
  /** The clock, ms since 1970. */
  /** Milliseconds since 1970: what tokens are compared with. */
  readonly now: () => number
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number
  /** How long the gate may think about somebody. */
  readonly gateTimeoutMs: number
  /** The path in front of `/sync/`, without a slash at its end; often empty. */
  readonly basePath: string
  readonly trustedProxies: number
  readonly heartbeat: HeartbeatLimits
  /** The largest message that is read at all, bytes. */
  readonly maxPayloadBytes: number
}

/** A connection as its door holds it. */
export interface HeldConnection extends Peer {
  /** Its space is open: frames flow from here on. */
  attach(session: Session): void
  /** Asks for a sign of life, and ends what gives none. */
  sweep(nowMs: number): void
  /** Ends it without a word. */
  terminate(cause: CloseCause): void
}

export class Entrance<Held extends HeldConnection> {
  readonly #door: Door
  readonly #options: DoorOptions
  readonly #judge: Judge
  readonly #inside = new Map<Held, Place>()
  /** Those that are only being told why they are refused. */
  readonly #refused = new Set<Held>()
  /** One for all: a function for each connection would stay as long as the connection does. */
  readonly #authenticate: Gate['renew']
  #onEmpty = (): void => {}

  constructor(door: Door, options: DoorOptions) {
    this.#door = door
    this.#options = options
    this.#judge = new Judge(options)
    this.#authenticate = (token, space, user) => options.gate.renew(token, space, user)
  }

  get connections(): number {
    return this.#inside.size
  }

  get refusedOpen(): number {
    return this.#refused.size
  }

  /** From now on everybody is refused with `draining`; whoever is inside stays. */
  stopAdmitting(): void {
    this.#judge.stopAdmitting()
  }

  judge(request: IncomingMessage, asked: Asked): Promise<Verdict> {
    return this.#judge.judge(applicantOf(request, asked, this.#options.trustedProxies))
  }

  /** Who it is that sends a request beside a connection. */
  recognise(request: IncomingMessage, asked: Asked): Promise<Recognition> {
    return this.#judge.recognise(applicantOf(request, asked, this.#options.trustedProxies))
  }

  admit(connection: Held, admitted: Verdict & { readonly type: 'admitted' }, wish: Wish): void {
    const { space, access, place } = admitted
    this.#inside.set(connection, place)
    this.#options.observer.opened(wish.dialect, this.#door)
    void this.#join(connection, space, access, wish)
  }

  /** Holds a connection that is closed with the reason for its refusal. */
  turnAway(connection: Held, { code, message }: Refusal): void {
    this.#refused.add(connection)
    connection.close(code, message)
  }

  tellRefused(what: string, { code, message }: Refusal, address: string, cause?: unknown): void {
    const { observer } = this.#options
    observer.refused(code)
    observer.report(ERRORS[code].level, what, {
      code,
      reason: message,
      address,
      ...(cause === undefined ? {} : { cause }),
    })
  }

  /** Something of ours failed while a frame was handled. */
  tellFault(connection: Held, error: PlenumError): void {
    this.#tell(error, this.#inside.get(connection)?.seat?.space ?? null)
  }

  /** Nothing is left of the connection. */
  closed(connection: Held, cause: CloseCause): void {
    const { observer, elapsed } = this.#options
    const place = this.#inside.get(connection)
    this.#inside.delete(connection)
    this.#refused.delete(connection)
    if (this.#isEmpty) this.#onEmpty()
    if (place === undefined) return
    if (cause in ERRORS) place.closed(cause as PlenumError['code'], elapsed())
    place.leave()
    if (place.seat !== null) observer.closed(place.seat.dialect, cause, this.#door)
  }

  /** Call it once a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#inside.keys()) connection.sweep(nowMs)
    for (const connection of this.#refused) connection.sweep(nowMs)
    this.#judge.sweep(nowMs)
  }

  /**
   * Waits for connections to end by themselves, then ends what is left. Idempotent.
   * @param graceMs how long closes that are under way may take
   */
  async close(graceMs: number): Promise<void> {
    this.stopAdmitting()
    if (!this.#isEmpty) await this.#emptied(graceMs)
    for (const connection of [...this.#inside.keys(), ...this.#refused]) connection.terminate('draining')
    this.#judge.close()
  }

  get #isEmpty(): boolean {
    return this.#inside.size + this.#refused.size === 0
  }

  async #join(connection: Held, space: SpaceName, access: Access, wish: Wish): Promise<void> {
    try {
      const options = { ...wish, access, authenticate: this.#authenticate }
      connection.attach(await this.#options.spaces.join(space, connection, options))
    } catch (error) {
      const refused = toPlenumError(error)
      this.#tell(refused, space)
      connection.close(refused.code, refused.message)
    }
  }

  #emptied(graceMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, graceMs)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #tell(error: PlenumError, space: SpaceName | null): void {
    const { cause } = error
    this.#options.observer.report(error.facts.level, error.message, {
      code: error.code,
      space,
      ...(cause === undefined ? {} : { cause }),
    })
  }
}
