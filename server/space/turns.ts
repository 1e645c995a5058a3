/**
 * When a space works: one turn at a time, at once where something is urgent or the space has time to spare,
 * else when a window ends. It owns the only timer of a space.
 */
import { afterFlush, flushDelayMs, OPEN_WINDOW } from './flush-window.js'
import type { SpaceLimits } from './limits.js'
import type { Scheduler } from './scheduler.js'

/** The share of the clock that one space's turns may take before they wait. */
const SHARE = 0.05

export interface TurnsOptions {
  readonly scheduler: Scheduler
  readonly limits: Pick<SpaceLimits, 'flushWindowMaxMs'>
  readonly space: TurnTaker
}

/** Whose turns they are. */
export interface TurnTaker {
  /** How long what there is to do may wait; infinity where there is nothing, or nothing that can go on. */
  waitMs(turns: EditWindow): number
  /** Does some of it; never rejects. @returns what it costs the process beyond its own time, ms */
  turn(): Promise<number>
}

export interface EditWindow {
  /** What is left of the window of edits, ms. Takes a look at the clock, which is not always needed. */
  readonly windowMs: number
}

export class Turns implements EditWindow {
  readonly #options: TurnsOptions
  #window = OPEN_WINDOW
  #isTurning = false
  #isClosed = false
  #timer: { readonly dueMs: number; cancel(): void } | null = null
  #waiters: (() => void)[] = []

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Whether a turn is under way or about to begin. */
  get isTurning(): boolean {
    return this.#isTurning
  }

  get windowMs(): number {
    return flushDelayMs(this.#window, this.#options.scheduler.elapsed(), SHARE)
  }

  /** There is something to do: a turn comes, unless one is under way, which looks again when it ends. */
  request(): void {
    if (this.#isTurning || this.#isClosed) return
    const { scheduler, space } = this.#options
    const delayMs = space.waitMs(this)
    if (delayMs === Number.POSITIVE_INFINITY) return
    if (delayMs > 0) {
      this.#runAt(scheduler.elapsed() + delayMs, delayMs)
      return
    }
    this.#timer?.cancel()
    this.#timer = null
    this.#isTurning = true
    scheduler.soon(this.#begin)
  }

  /** Resolves after the turn that is under way, or after the next; at once when closed and none is. */
  async next(): Promise<void> {
    if (this.#isClosed && !this.#isTurning) return
    await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  /** No turn begins any more; one under way ends, see `next`. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    if (!this.#isTurning) this.#wake()
  }

  readonly #begin = (): void => void this.#run()

  #runAt(dueMs: number, delayMs: number): void {
    if (this.#timer !== null && this.#timer.dueMs <= dueMs) return
    this.#timer?.cancel()
    this.#timer = { dueMs, cancel: this.#options.scheduler.after(delayMs, this.#begin) }
  }

  async #run(): Promise<void> {
    const { scheduler, space, limits } = this.#options
    this.#timer = null
    this.#isTurning = true
    const startMs = scheduler.elapsed()
    const extraMs = await space.turn()
    const endMs = scheduler.elapsed()
    const flush = { costMs: endMs - startMs + extraMs, endMs }
    this.#window = afterFlush(this.#window, flush, { share: SHARE, maxWaitMs: limits.flushWindowMaxMs })
    this.#isTurning = false
    this.request()
    this.#wake()
  }

  #wake(): void {
    if (this.#waiters.length === 0) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }
}
