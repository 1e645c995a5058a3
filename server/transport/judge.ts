/**
 * Decides whether somebody comes in, in one order for every door: is there room, is the name good, who is it,
 * may they, have they misbehaved. A refusal keeps no place.
 */
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { parseSpacePath, type SpaceName } from '../../shared/names.js'
import type { Access, Dialect, Scope } from '../space/peer.js'
import { Deadlines } from './deadlines.js'
import type { Admission, Gate, Place, Refusal, Visit } from './ports.js'

export interface Applicant extends Caller {
  readonly dialect: Dialect
  /** The space's name as it stands in the path, still escaped. */
  readonly spacePath: string
}

export interface Caller {
  readonly address: string
  /** The headers `Origin` and `Host`. */
  readonly origin: string | undefined
  readonly host: string | undefined
  readonly credentials: Parameters<Gate['admit']>[0]
}

export type Verdict =
  /** The place is the door's now, to be left when the connection is gone. */
  | { readonly type: 'admitted'; readonly space: SpaceName; readonly access: Access; readonly place: Place }
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly cause: unknown }

export type Recognition =
  | { readonly type: 'known'; readonly space: SpaceName; readonly access: Access }
  | { readonly type: 'refused'; readonly refusal: Refusal; readonly cause: unknown }

/** Somebody who asks something without a connection; whoever gets it ends the visit when the answer is gone. */
export interface Heard<Known> {
  readonly known: Known
  readonly visit: Visit
}

export interface JudgeOptions {
  readonly gate: Gate
  readonly admission: Admission
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number
  /** How long the gate may think about somebody. */
  readonly gateTimeoutMs: number
}

export class Judge {
  readonly #options: JudgeOptions
  /** The gate's answers about those who want to come in, and about those who are inside. */
  readonly #arriving: Deadlines
  readonly #known: Deadlines
  #isDraining = false

  constructor(options: JudgeOptions) {
    this.#options = options
    this.#arriving = new Deadlines(options.gateTimeoutMs)
    this.#known = new Deadlines(options.gateTimeoutMs)
  }

  /** From now on everybody is refused with `draining`, whoever waits for the gate included. */
  stopAdmitting(): void {
    this.#isDraining = true
    this.#arriving.giveUp(draining)
  }

  /** Nobody waits for the gate any more. */
  close(): void {
    this.stopAdmitting()
    this.#known.giveUp(draining)
  }

  /** Gives up on a gate that does not answer. Call it once a second. */
  sweep(nowMs: number): void {
    this.#arriving.sweep(nowMs)
    this.#known.sweep(nowMs)
  }

  async judge(applicant: Applicant): Promise<Verdict> {
    const { admission, elapsed } = this.#options
    const { address, origin, host, dialect } = applicant
    if (this.#isDraining) return refused(refusalOf(new PlenumError('draining')))
    const place = admission.enter(address, { origin, host }, elapsed())
    if (!('leave' in place)) return refused(place)
    try {
      const space = parseSpacePath(applicant.spacePath)
      const access = await this.#admit(applicant, space, this.#arriving)
      // The wait for the gate may have seen the drain begin.
      if (this.#isDraining) throw new PlenumError('draining')
      const refusal = place.claim(space, access, dialect, elapsed())
      if (refusal === null) return { type: 'admitted', space, access, place }
      place.leave()
      return refused(refusal)
    } catch (error) {
      const known = toPlenumError(error)
      if (known.code === 'unauthenticated') place.failed(elapsed())
      place.leave()
      return refused(refusalOf(known), known.cause)
    }
  }

  /**
   * Says who sends a request beside a connection that they have already. It needs no place of its own, and a drain
   * does not end it: whoever is inside goes on until it is over.
   */
  async recognise(applicant: Applicant): Promise<Recognition> {
    const { admission, elapsed } = this.#options
    const { address, origin, host } = applicant
    const refusal = admission.glance(address, { origin, host }, elapsed())
    if (refusal !== null) return refused(refusal)
    try {
      const space = parseSpacePath(applicant.spacePath)
      return { type: 'known', space, access: await this.#admit(applicant, space, this.#known) }
    } catch (error) {
      const known = toPlenumError(error)
      if (known.code === 'unauthenticated') admission.failed(address, elapsed())
      return refused(refusalOf(known), known.cause)
    }
  }

  /**
   * Who asks something of a space without a connection: no place is taken, and none is needed.
   * @throws what `judge` refuses with, but for lack of room; rate_limited where the user asks too much
   */
  async admitRequest(caller: Caller, space: SpaceName): Promise<Heard<Access>> {
    return this.#answer(caller, () => this.#admit(caller, space, this.#arriving))
  }

  /** Who asks something of no space in particular. @throws as `admitRequest`; forbidden where the gate cannot tell */
  async surveyRequest(caller: Caller): Promise<Heard<Scope>> {
    const { gate } = this.#options
    return this.#answer(caller, async () => {
      if (gate.scope === undefined)
        throw new PlenumError('forbidden', 'tokens are not judged here without a space')
      return this.#inTime(gate.scope({ ...caller.credentials, address: caller.address }), this.#arriving)
    })
  }

  async #answer<Known extends { readonly user: string }>(
    { address, origin, host }: Caller,
    ask: () => Promise<Known>,
  ): Promise<Heard<Known>> {
    const { admission, elapsed } = this.#options
    if (this.#isDraining) throw new PlenumError('draining')
    const refusal = admission.glance(address, { origin, host }, elapsed())
    if (refusal !== null) throw errorOf(refusal)
    try {
      const known = await ask()
      if (this.#isDraining) throw new PlenumError('draining')
      const visit = admission.visit(known.user, elapsed())
      if ('code' in visit) throw errorOf(visit)
      return { known, visit }
    } catch (error) {
      const known = toPlenumError(error)
      if (known.code === 'unauthenticated') admission.failed(address, elapsed())
      throw known
    }
  }

  #admit({ credentials, address }: Caller, space: SpaceName, waiting: Deadlines): Promise<Access> {
    return this.#inTime(this.#options.gate.admit({ ...credentials, address }, space), waiting)
  }

  #inTime<Answer>(answer: Promise<Answer>, waiting: Deadlines): Promise<Answer> {
    return waiting.within(answer, this.#options.elapsed(), gateIsLate)
  }
}

export const gateIsLate = (): PlenumError => new PlenumError('internal', 'the gate did not answer in time')

const draining = (): PlenumError => new PlenumError('draining')

export const refusalOf = ({ code, message, retryAfterMs }: PlenumError): Refusal => ({
  code,
  message,
  retryAfterMs,
})

const errorOf = ({ code, message, retryAfterMs }: Refusal): PlenumError =>
  new PlenumError(code, message, { retryAfterMs })

const refused = (refusal: Refusal, cause?: unknown): Verdict & Recognition & { type: 'refused' } => ({
  type: 'refused',
  refusal,
  cause,
})
