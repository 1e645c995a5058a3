/**
 * When a space works: one turn at a time, at once where something is urgent or the space has time to spare,
 * else when its flush window ends. It owns the only timer of a space.
 */
import { afterTurn, type FlushWindow, flushDelayMs, openWindow } from './flush-window.js'
import type { Scheduler } from './scheduler.js'

/** `now` does not wait for the window; `none` may still hold what cannot go on yet. */
export type Urgency = 'now' | 'soon' | 'none'

export interface TurnsOptions {
  readonly scheduler: Scheduler
  /** The longest that a busy space waits between turns. */
  readonly maxWindowMs: number
  /** What is there to do? */
  urgency(): Urgency
  /** Does some of it; never rejects. */
  turn(): Promise<void>
}

export class Turns {
  readonly #options: TurnsOptions
  #window: FlushWindow
  #isTurning = false
  #isClosed = false
  #cancelTimer: (() => void) | null = null
  #waiters: (() => void)[] = []

  constructor(options: TurnsOptions) {
    this.#options = options
    this.#window = openWindow(options.scheduler.elapsed())
  }

  /** Whether a turn is under way or about to begin. */
  get isTurning(): boolean {
    return this.#isTurning
  }

  /** There is something to do: a turn comes, unless one is under way, which looks again when it ends. */
  request(): void {
    if (this.#isTurning || this.#isClosed) return
    const { scheduler, urgency } = this.#options
    const delayMs = urgency() === 'now' ? 0 : flushDelayMs(this.#window, scheduler.elapsed())
    if (delayMs > 0) {
      this.#cancelTimer ??= scheduler.after(delayMs, () => void this.#run())
      return
    }
    this.#cancelTimer?.()
    this.#isTurning = true
    scheduler.soon(() => void this.#run())
  }

  /** Resolves after the turn that is under way, or after the next; at once when closed and none is. */
  async next(): Promise<void> {
    if (this.#isClosed && !this.#isTurning) return
    await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  /** No turn begins any more; one under way ends, see `next`. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    if (!this.#isTurning) this.#wake()
  }

  async #run(): Promise<void> {
    const { scheduler, turn, urgency, maxWindowMs } = this.#options
    this.#cancelTimer = null
    this.#isTurning = true
    const startMs = scheduler.elapsed()
    await turn()
    this.#window = afterTurn(this.#window, { startMs, endMs: scheduler.elapsed() }, maxWindowMs)
    this.#isTurning = false
    if (urgency() !== 'none') this.request()
    this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}
