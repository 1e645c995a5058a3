/**
 * How much one connection may announce from one sweep of its space to the next. What is beyond waits in its socket
 * until then, so that a flood of states takes the process no more than a crowd of busy cursors does.
 */
import type { Observer } from './observer.js'
import type { Session } from './session.js'

/**
 * Ten times what a stock client sends in a busy room, and more than it can be made to send: it echoes whatever it is
 * sent, and a room is told of changes for a bounded share of the time.
 */
const MAX_UNITS = 2_000
/** A frame is a unit, and so is this much of it. */
const BYTES_PER_UNIT = 16 * 2 ** 10

export class AnnouncingPace {
  readonly #observer: Observer
  /** Since the last sweep. */
  readonly #units = new Map<Session, number>()
  /** Connections that are not read from, and what lets them go on. */
  readonly #paused = new Map<Session, () => void>()

  constructor(observer: Observer) {
    this.#observer = observer
  }

  /** @returns a promise while the sender should not be read from */
  announced(session: Session, bytes: number): Promise<void> | undefined {
    if (!session.isOpen) return
    const units = (this.#units.get(session) ?? 0) + 1 + Math.floor(bytes / BYTES_PER_UNIT)
    this.#units.set(session, units)
    if (units <= MAX_UNITS) return
    this.#observer.count('slowed')
    return new Promise(resolve => this.#paused.set(session, resolve))
  }

  /** Once a second. */
  sweep(): void {
    if (this.#units.size === 0) return
    this.#units.clear()
    const goOns = [...this.#paused.values()]
    this.#paused.clear()
    for (const goOn of goOns) goOn()
  }

  leave(session: Session): void {
    this.#units.delete(session)
    this.#paused.get(session)?.()
    this.#paused.delete(session)
  }
}
