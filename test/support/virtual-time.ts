/**
 * This process's clock and timers, taken over by a clock that the test owns. A file imports it before anything
 * that keeps a reference to the real ones, as lib0 does with `Date.now`.
 */
import { FakeScheduler } from './fake-scheduler.js'

export const virtualTime = new FakeScheduler()

class VirtualTimer {
  #cancel = (): void => {}

  start(delayMs: number, task: () => void): this {
    this.#cancel = virtualTime.after(delayMs, task)
    return this
  }

  stop(): void {
    this.#cancel()
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}

type Task = (...args: unknown[]) => void

const startTimeout = (task: Task, delayMs = 0, ...args: unknown[]): VirtualTimer =>
  new VirtualTimer().start(delayMs, () => task(...args))

const startInterval = (task: Task, periodMs = 0, ...args: unknown[]): VirtualTimer => {
  const timer = new VirtualTimer()
  const beat = (): void => {
    // Set anew before the task, which may stop it.
    timer.start(Math.max(1, periodMs), beat)
    task(...args)
  }
  return timer.start(Math.max(1, periodMs), beat)
}

const stop = (timer?: unknown): void => {
  if (timer instanceof VirtualTimer) timer.stop()
}

Date.now = () => virtualTime.now()
Object.assign(globalThis, {
  setTimeout: startTimeout,
  setInterval: startInterval,
  clearTimeout: stop,
  clearInterval: stop,
})
