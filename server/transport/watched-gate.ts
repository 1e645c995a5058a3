/**
 * The gate as those inside meet it: a renewal that hangs is cut, and one that fails through no fault of its bearer is
 * reported, whichever door they came through.
 */
import { toPlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { Access } from '../space/peer.js'
import { Deadlines } from './deadlines.js'
import { gateIsLate } from './judge.js'
import type { DoorObserver, Gate } from './ports.js'

export interface WatchedGateOptions {
  readonly gate: Gate
  readonly observer: Pick<DoorObserver, 'report'>
  /** The clock, ms since 1970. */
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number
  /** How long a renewal may take. */
  readonly gateTimeoutMs: number
}

export class WatchedGate implements Gate {
  readonly #options: WatchedGateOptions
  readonly #waiting: Deadlines

  readonly scope?: NonNullable<Gate['scope']>

  constructor(options: WatchedGateOptions) {
    this.#options = options
    this.#waiting = new Deadlines(options.gateTimeoutMs)
    const { gate } = options
    // As `admit`; there only where the gate has it.
    if (gate.scope !== undefined) this.scope = async credentials => gate.scope!(credentials)
  }

  /** The judge, who asks, does the watching. */
  async admit(credentials: Parameters<Gate['admit']>[0], space: SpaceName): Promise<Access> {
    return this.#options.gate.admit(credentials, space)
  }

  async renew(token: string, space: SpaceName, user: string): Promise<Access> {
    const { gate, observer, elapsed } = this.#options
    try {
      return await this.#waiting.within(gate.renew(token, space, user), elapsed(), gateIsLate)
    } catch (cause) {
      const error = toPlenumError(cause)
      if (error.code === 'internal') observer.report('error', 'a renewal failed', { space, error })
      throw error
    }
  }

  /** Gives up on a gate that does not answer. Call it once a second. */
  sweep(nowMs: number): void {
    this.#waiting.sweep(nowMs)
  }
}
