/**
 * Spaces that are suspended because the engine keeps getting stuck in them: where it is their edits, nobody writes
 * there for a while; where it is their loading, nobody enters.
 */
import { PlenumError } from '../../shared/errors.js'
import type { SpaceName } from '../../shared/names.js'
import type { SpaceLimits } from './limits.js'
import type { Observer } from './observer.js'
import type { Scheduler } from './scheduler.js'
import { Strikes } from './strikes.js'

export interface SuspensionsOptions {
  readonly observer: Observer
  readonly scheduler: Scheduler
  readonly limits: Pick<SpaceLimits, 'maxStuckCalls' | 'suspensionMs'>
}

/** What is suspended: all of a space, or writing in it. */
interface Suspendable {
  readonly name: SpaceName
  suspend(untilMs: number): void
}

export class Suspensions {
  readonly #options: SuspensionsOptions
  readonly #strikes: Readonly<Record<'editing' | 'loading', Strikes>>

  constructor(options: SuspensionsOptions) {
    const { maxStuckCalls: most, suspensionMs: termMs } = options.limits
    this.#options = options
    this.#strikes = { editing: new Strikes({ most, termMs }), loading: new Strikes({ most, termMs }) }
  }

  /** The engine got stuck once more. */
  strike(name: SpaceName, during: 'editing' | 'loading'): void {
    const { observer, scheduler } = this.#options
    const nowMs = scheduler.elapsed()
    observer.count('stuck')
    this.#strikes[during].add(name, nowMs)
    const untilMs = this.#strikes[during].suspendedUntil(name, nowMs)
    if (untilMs === null) return
    observer.count('suspensions')
    const what = during === 'loading' ? 'refused' : 'read-only'
    observer.report('error', 'a space is suspended', { space: name, what, forMs: untilMs - nowMs })
  }

  /** @throws quarantined where loading the space got the engine stuck again and again */
  expectLoadable(name: SpaceName): void {
    if (this.#strikes.loading.suspendedUntil(name, this.#options.scheduler.elapsed()) === null) return
    throw new PlenumError('quarantined', 'loading this space takes too long')
  }

  /** Whatever it is that keeps getting the engine stuck, nobody writes there for a while. */
  apply(space: Suspendable): void {
    const untilMs = this.#strikes.editing.suspendedUntil(space.name, this.#options.scheduler.elapsed())
    if (untilMs !== null) space.suspend(untilMs)
  }
}
