/** The demo's desk as visitors meet it: one that does not answer in time keeps no request, whatever it does later. */
import { PlenumError } from '../../shared/errors.js'
import type { DemoDesk, DemoWish } from '../http/demo-desk.js'
import { Deadlines } from '../transport/index.js'

export class TimelyDemoDesk implements DemoDesk {
  readonly #desk: DemoDesk
  readonly #elapsed: () => number
  readonly #waiting: Deadlines

  /** @param elapsed milliseconds on a clock that never jumps */
  constructor(desk: DemoDesk, elapsed: () => number, timeoutMs: number) {
    this.#desk = desk
    this.#elapsed = elapsed
    this.#waiting = new Deadlines(timeoutMs)
  }

  async tokenFor(invitation: string, wish: DemoWish): Promise<string | null> {
    return this.#waiting.within(this.#desk.tokenFor(invitation, wish), this.#elapsed(), isLate)
  }

  /** Call it once a second. */
  sweep(nowMs: number): void {
    this.#waiting.sweep(nowMs)
  }

  /** Nobody waits any more. */
  close(): void {
    this.#waiting.giveUp(() => new PlenumError('draining'))
  }
}

const isLate = (): PlenumError => new PlenumError('internal', 'the demo desk did not answer in time')
