/** Time that the test owns: nothing runs but what `settle` and `advance` run. */
import type { Scheduler } from '../../server/space/scheduler.js'

interface Timer {
  readonly dueMs: number
  readonly task: () => void
}

export class FakeScheduler implements Scheduler {
  /** By how much each look at the running clock moves it: what work costs, as the flush window sees it. */
  costMs = 0
  #nowMs = 1_700_000_000_000
  #elapsedMs = 0
  #soon: (() => void)[] = []
  #timers = new Set<Timer>()

  now(): number {
    return this.#nowMs
  }

  elapsed(): number {
    this.#elapsedMs += this.costMs
    return this.#elapsedMs
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  after(delayMs: number, task: () => void): () => void {
    const timer = { dueMs: this.#elapsedMs + delayMs, task }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Timers that are set, and tasks that are due at once. */
  get pending(): number {
    return this.#timers.size + this.#soon.length
  }

  /** The clock on the wall jumps; the running one does not. */
  jump(byMs: number): void {
    this.#nowMs += byMs
  }

  /** Alternates due tasks and promises until neither has anything left to do; the clock stands. */
  async settle(): Promise<void> {
    do {
      this.runDue()
      // A turn of the event loop: every promise that can settle has settled after it.
      await new Promise<void>(resolve => setImmediate(resolve))
    } while (this.#soon.length > 0 || this.#dueTimers().length > 0)
  }

  /** One step of `settle`: the tasks that are due now. @returns how many */
  runDue(): number {
    const soon = this.#soon
    this.#soon = []
    const due = this.#dueTimers()
    for (const timer of due) this.#timers.delete(timer)
    for (const task of soon) task()
    for (const { task } of due) task()
    return soon.length + due.length
  }

  /** Moves both clocks, from timer to timer, and settles at each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#elapsedMs + byMs
    await this.settle()
    while (true) {
      const nextMs = Math.min(...[...this.#timers].map(({ dueMs }) => dueMs))
      if (nextMs > endMs) break
      this.#moveTo(nextMs)
      await this.settle()
    }
    this.#moveTo(endMs)
  }

  #moveTo(elapsedMs: number): void {
    const byMs = Math.max(0, elapsedMs - this.#elapsedMs)
    this.#elapsedMs += byMs
    this.#nowMs += byMs
  }

  #dueTimers(): Timer[] {
    return [...this.#timers].filter(({ dueMs }) => dueMs <= this.#elapsedMs).sort((a, b) => a.dueMs - b.dueMs)
  }
}
