/**
 * Who listens to what, and what there is to tell them. Listeners run after what is already waiting for this turn of
 * the event loop, in the order of what happened; one that throws or rejects is counted and logged, and hurts nobody.
 */
import { PlenumError, toPlenumError } from '../../shared/errors.js'
import { type EventSink, SPACE_EVENT_NAMES, type SpaceEventName, type SpaceEvents } from '../space/events.js'
import type { Observer } from '../space/observer.js'
import type { Scheduler } from '../space/scheduler.js'

/** What it returns is not waited for; a promise may reject. */
export type Listener<Name extends SpaceEventName> = (event: SpaceEvents[Name]) => unknown

export type Listeners = { readonly [Name in SpaceEventName]?: Listener<Name> }

/** Events that are told in one go; connections are served before the next. */
const BATCH = 100
/** Of a longer queue this part, so that it is bounded by what comes in a few turns, however much comes in each. */
const SHARE = 1 / 4

interface News {
  readonly name: SpaceEventName
  readonly event: SpaceEvents[SpaceEventName]
}

type AnyListener = (event: SpaceEvents[SpaceEventName]) => unknown

export class EventDesk implements EventSink {
  readonly #scheduler: Scheduler
  readonly #observer: () => Pick<Observer, 'count' | 'report'> | null
  readonly #listeners = new Map<SpaceEventName, Set<{ readonly run: AnyListener }>>()
  #news: News[] = []
  #isDue = false
  #isClosed = false

  /** @param observer null while there is nobody to complain to */
  constructor(scheduler: Scheduler, observer: () => Pick<Observer, 'count' | 'report'> | null) {
    this.#scheduler = scheduler
    this.#observer = observer
  }

  /** @returns ends it. Idempotent. @throws bad_request for a name that is none */
  on<Name extends SpaceEventName>(name: Name, listener: Listener<Name>): () => void {
    return this.#add(name, listener as AnyListener)
  }

  /** For the next one only. @returns ends it before. Idempotent. */
  once<Name extends SpaceEventName>(name: Name, listener: Listener<Name>): () => void {
    const off = this.#add(name, event => {
      off()
      return (listener as AnyListener)(event)
    })
    return off
  }

  wants(name: SpaceEventName): boolean {
    return this.#listeners.has(name) && !this.#isClosed
  }

  tell<Name extends SpaceEventName>(name: Name, event: SpaceEvents[Name]): void {
    if (!this.wants(name)) return
    this.#news.push({ name, event })
    this.#request()
  }

  /** Tells what is left; nothing is told afterwards. Idempotent. */
  close(): void {
    this.#isClosed = true
    while (this.#news.length > 0) this.#deliver()
  }

  #add(name: SpaceEventName, run: AnyListener): () => void {
    // Names are typed, and yet many an application is not.
    if (!SPACE_EVENT_NAMES.includes(name)) throw new PlenumError('bad_request', `there is no event "${name}"`)
    // One of its own, so that a function that listens twice is told twice.
    const entry = { run }
    const entries = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, entries.add(entry))
    return () => {
      entries.delete(entry)
      if (entries.size === 0 && this.#listeners.get(name) === entries) this.#listeners.delete(name)
    }
  }

  #request(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#scheduler.soon(() => {
      this.#isDue = false
      this.#deliver()
      if (this.#news.length > 0) this.#request()
    })
  }

  #deliver(): void {
    const count = Math.max(BATCH, Math.ceil(this.#news.length * SHARE))
    for (const { name, event } of this.#news.splice(0, count)) {
      for (const { run } of [...(this.#listeners.get(name) ?? [])]) this.#run(name, run, event)
    }
  }

  #run(name: SpaceEventName, listener: AnyListener, event: SpaceEvents[SpaceEventName]): void {
    try {
      const result = listener(event)
      if (result === undefined || result === null) return
      Promise.resolve(result).catch(error => this.#failed(name, error))
    } catch (error) {
      this.#failed(name, error)
    }
  }

  #failed(event: SpaceEventName, cause: unknown): void {
    const observer = this.#observer()
    observer?.count('listener_failures')
    observer?.report('error', 'a listener failed', { event, error: toPlenumError(cause) })
  }
}
