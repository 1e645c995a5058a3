/**
 * How much one connection may announce in a tenth of a second. What is beyond waits in its socket until the next, so
 * that a flood of states takes the process no more than a few busy cursors do, and never much of it at once.
 */
import { LeanMap } from './lean-collections.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'
import type { Session } from './session.js'

const WINDOW_MS = 100
/**
 * Ten times what a stock client sends in a busy room, and more than it can be made to send: it echoes whatever it is
 * sent, and a room is told of changes for a bounded share of the time.
 */
const MAX_UNITS = 200
/** A frame is a unit, and so is this much of it. */
const BYTES_PER_UNIT = 16 * 2 ** 10

export interface AnnouncingPaceOptions {
  readonly observer: Observer
  readonly scheduler: Scheduler
}

export class AnnouncingPace {
  readonly #options: AnnouncingPaceOptions
  /** In this window. */
  readonly #units = new LeanMap<Session, number>()
  #windowEndsMs = 0
  /** Connections that are not read from, and what lets them go on. */
  readonly #paused = new LeanMap<Session, () => void>()
  #cancel = (): void => {}

  constructor(options: AnnouncingPaceOptions) {
    this.#options = options
  }

  /** @returns a promise while the sender should not be read from */
  announced(session: Session, bytes: number): Promise<void> | undefined {
    if (!session.isOpen) return
    const { observer, scheduler } = this.#options
    const nowMs = scheduler.elapsed()
    if (nowMs >= this.#windowEndsMs) {
      this.#units.clear()
      this.#windowEndsMs = nowMs + WINDOW_MS
    }
    const units = (this.#units.get(session) ?? 0) + 1 + Math.floor(bytes / BYTES_PER_UNIT)
    this.#units.set(session, units)
    if (units <= MAX_UNITS) return
    observer.count('slowed')
    if (this.#paused.size === 0) {
      this.#cancel = scheduler.after(this.#windowEndsMs - nowMs, () => this.#goOn())
    }
    return new Promise(resolve => this.#paused.set(session, resolve))
  }

  /** Once a second: what was announced in a window that is over does not count any more. */
  sweep(nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) this.#units.clear()
  }

  leave(session: Session): void {
    this.#units.delete(session)
    this.#paused.get(session)?.()
    if (this.#paused.delete(session) && this.#paused.size === 0) this.#cancel()
  }

  #goOn(): void {
    const paused = [...this.#paused.values()]
    this.#paused.clear()
    for (const goOn of paused) goOn()
  }
}
