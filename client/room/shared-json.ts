/**
 * What is in a shared type, as plain values that are the same objects until something in them is different: a change
 * makes anew what it is in and what that is in, and nothing else.
 */
import * as Y from 'yjs'

type SharedType = Y.AbstractType<unknown>

export class SharedJson {
  readonly #type: SharedType
  readonly #onChange: () => void
  #known = new WeakMap<object, unknown>()

  /** Watches the type until `close`. */
  constructor(type: SharedType, onChange: () => void) {
    this.#type = type
    this.#onChange = onChange
    this.#type.observeDeep(this.#onEvents)
  }

  read(): unknown {
    return this.#valueOf(this.#type)
  }

  close(): void {
    this.#type.unobserveDeep(this.#onEvents)
  }

  readonly #onEvents = (events: readonly Y.YEvent<SharedType>[]): void => {
    for (const { target } of events) {
      for (let type: SharedType | null = target; type !== null; type = type.parent) {
        this.#known.delete(type)
      }
    }
    this.#onChange()
  }

  #valueOf(value: unknown): unknown {
    if (!(value instanceof Y.AbstractType)) return value
    let plain = this.#known.get(value)
    if (plain === undefined) {
      plain = this.#plain(value)
      this.#known.set(value, plain)
    }
    return plain
  }

  #plain(type: SharedType): unknown {
    if (type instanceof Y.Map) {
      const entries = [...type.entries()].map(([key, value]) => [key, this.#valueOf(value)])
      return Object.freeze(Object.fromEntries(entries))
    }
    if (type instanceof Y.Array) return Object.freeze(type.map(value => this.#valueOf(value)))
    return type.toString()
  }
}
