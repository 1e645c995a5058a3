/**
 * Something that can be read at any time and tells when it is different: the shape that `useSyncExternalStore` takes.
 * What is read is the same object until something in it is different, and it is worked out only when it is asked for.
 */
import { throwUncaught } from '../channel/emitter.js'

export interface Store<Value> {
  readonly get: () => Value
  /** @returns what ends it */
  readonly subscribe: (listener: () => void) => () => void
}

export interface ViewOptions<Value> {
  /** Whether the old value can stay; by default only where both are the same object. */
  readonly isSame?: (a: Value, b: Value) => boolean
  /** Told when the first listener has come and when the last has gone. */
  readonly onWatched?: (isWatched: boolean) => void
}

/** A store that is read from elsewhere, and is told by its owner when there may be something new. */
export class View<Value> implements Store<Value> {
  readonly #read: () => Value
  readonly #isSame: (a: Value, b: Value) => boolean
  readonly #onWatched: (isWatched: boolean) => void
  readonly #listeners = new Set<() => void>()
  #last: { readonly value: Value } | null = null
  #isStale = false

  constructor(read: () => Value, { isSame = Object.is, onWatched = () => {} }: ViewOptions<Value> = {}) {
    this.#read = read
    this.#isSame = isSame
    this.#onWatched = onWatched
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0
  }

  readonly get = (): Value => {
    if (this.#last === null || this.#isStale) {
      const value = this.#read()
      if (this.#last === null || !this.#isSame(this.#last.value, value)) this.#last = { value }
      this.#isStale = false
    }
    return this.#last.value
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    // Twice the same function is two listeners.
    const own = (): void => listener()
    this.#listeners.add(own)
    if (this.#listeners.size === 1) this.#onWatched(true)
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#onWatched(false)
    }
  }

  /** There may be something new. Whoever listens is told only if there is. */
  changed(): void {
    const before = this.#last
    this.#isStale = true
    if (this.#listeners.size === 0) return
    try {
      this.get()
    } catch {
      // It is thrown at whoever reads it.
    }
    if (!this.#isStale && this.#last === before) return
    for (const listener of [...this.#listeners]) {
      try {
        listener()
      } catch (error) {
        // A listener's error stops neither the others nor what told us.
        throwUncaught(error)
      }
    }
  }
}
