/**
 * Decides whether somebody comes in, in one order for every door: is there room, is the name good, who is it,
 * may they, have they misbehaved. A refusal keeps no place.
 */
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { parseSpacePath, type SpaceName } from '../../shared/names.js'
import type { Access, Dialect } from '../space/peer.js'
import { Deadlines } from './deadlines.js'
import type { Admission, Gate, Place, Refusal } from './ports.js'

export interface Applicant {
  readonly dialect: Dialect
  /** The space's name as it stands in the path, still escaped. */
  readonly spacePath: string
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

export interface JudgeOptions {
  readonly gate: Gate
  readonly admission: Admission
  /** The clock, ms since 1970. */
  readonly now: () => number
}

/** How long the gate may think about somebody. */
export const GATE_TIMEOUT_MS = 10_000

export class Judge {
  readonly #options: JudgeOptions
  readonly #waiting = new Deadlines(GATE_TIMEOUT_MS)
  #isDraining = false

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /** From now on everybody is refused with `draining`. */
  stopAdmitting(): void {
    this.#isDraining = true
  }

  /** Gives up on a gate that does not answer. Call it once a second. */
  sweep(nowMs: number): void {
    this.#waiting.sweep(nowMs)
  }

  async judge(applicant: Applicant): Promise<Verdict> {
    const { admission, now } = this.#options
    const { address, origin, host, dialect } = applicant
    if (this.#isDraining) return refused(refusalOf(new PlenumError('draining')))
    const place = admission.enter(address, { origin, host }, now())
    if (!('leave' in place)) return refused(place)
    try {
      const space = parseSpacePath(applicant.spacePath)
      const access = await this.#admit(applicant, space)
      // The wait for the gate may have seen the drain begin.
      if (this.#isDraining) throw new PlenumError('draining')
      const refusal = place.claim(space, access, dialect, now())
      if (refusal === null) return { type: 'admitted', space, access, place }
      place.leave()
      return refused(refusal)
    } catch (error) {
      const known = toPlenumError(error)
      if (known.code === 'unauthenticated') place.failed(now())
      place.leave()
      return refused(refusalOf(known), known.cause)
    }
  }

  #admit({ credentials, address }: Applicant, space: SpaceName): Promise<Access> {
    const { gate, now } = this.#options
    const late = (): Error => new PlenumError('internal', 'the gate did not answer in time')
    return this.#waiting.within(gate.admit({ ...credentials, address }, space), now(), late)
  }
}

export const refusalOf = ({ code, message }: PlenumError): Refusal => ({ code, message, retryAfterMs: null })

const refused = (refusal: Refusal, cause?: unknown): Verdict => ({ type: 'refused', refusal, cause })
