/** A clock that stands still until the test moves it, and then runs what has come due, in order. */
import type { Clock } from '../../client/channel/clock.js'

interface Timer {
  readonly dueMs: number
  readonly task: () => void
}

export class FakeClock implements Clock {
  /** What `random` returns. */
  chance = 0
  readonly #timers = new Set<Timer>()
  #nowMs = 0

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#timers.size
  }

  /** When the next timer is due, counted from now; null without one. */
  get nextMs(): number | null {
    const next = this.#next()
    return next === null ? null : next.dueMs - this.#nowMs
  }

  /** When all timers are due, counted from now. */
  get delaysMs(): number[] {
    return [...this.#timers].map(({ dueMs }) => dueMs - this.#nowMs)
  }

  now(): number {
    return this.#nowMs
  }

  random(): number {
    return this.chance
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Time passes and no timer runs, as in a page that is frozen; those that came due run with `advance`, late. */
  freeze(byMs: number): void {
    this.#nowMs += byMs
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (let timer = this.#next(); timer !== null && timer.dueMs <= untilMs; timer = this.#next()) {
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      this.#timers.delete(timer)
      timer.task()
    }
    this.#nowMs = untilMs
  }

  #next(): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) if (next === null || timer.dueMs < next.dueMs) next = timer
    return next
  }
}
