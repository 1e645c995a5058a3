/**
 * Named events with typed arguments. A listener that throws neither stops the other listeners nor the one who
 * emits: its error surfaces as an uncaught one, as it would from a DOM event.
 */

type Listener<Args extends readonly unknown[]> = (...args: Args) => void

export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {}

  /** @returns what takes the listener off again */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners[name] ?? new Set()
    this.#listeners[name] = listeners
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(...args)
      } catch (error) {
        throwUncaught(error)
      }
    }
  }
}

/** For an error in the app's own code that must not break ours. */
export const throwUncaught = (error: unknown): void => {
  queueMicrotask(() => {
    throw error
  })
}
