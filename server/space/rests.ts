/**
 * Who may come to rest: one space after the other, however many have been quiet for long enough at the same moment,
 * so that the event loop sees to everybody else in between. Nobody waits for it.
 */
import type { Scheduler } from './scheduler.js'

export interface Sleeper {
  /** Never rejects. */
  rest(): Promise<void>
}

export class Rests {
  readonly #scheduler: Pick<Scheduler, 'soon'>
  readonly #waiting = new Set<Sleeper>()
  #isBusy = false

  constructor(scheduler: Pick<Scheduler, 'soon'>) {
    this.#scheduler = scheduler
  }

  /** Who waits already keeps the place. */
  add(sleeper: Sleeper): void {
    this.#waiting.add(sleeper)
    if (this.#isBusy) return
    this.#isBusy = true
    this.#scheduler.soon(() => void this.#next())
  }

  async #next(): Promise<void> {
    const [sleeper] = this.#waiting
    if (sleeper === undefined) {
      this.#isBusy = false
      return
    }
    this.#waiting.delete(sleeper)
    await sleeper.rest()
    this.#scheduler.soon(() => void this.#next())
  }
}
