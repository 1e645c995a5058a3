/**
 * A Map and a Set that take memory only while they hold something. An empty one of the language takes 150 to 180
 * bytes, and a space has a dozen that hold nothing most of the time. What is put in while a loop goes over what just
 * became empty, the loop does not see.
 */

const NO_ENTRIES: ReadonlyMap<never, never> = new Map<never, never>()
const NO_VALUES: ReadonlySet<never> = new Set<never>()

export class LeanMap<Key, Value> implements Iterable<[Key, Value]> {
  #map: Map<Key, Value> | null = null

  get size(): number {
    return this.#map === null ? 0 : this.#map.size
  }

  get(key: Key): Value | undefined {
    return this.#map?.get(key)
  }

  has(key: Key): boolean {
    return this.#map?.has(key) === true
  }

  set(key: Key, value: Value): void {
    this.#map ??= new Map()
    this.#map.set(key, value)
  }

  /** @returns whether it was there */
  delete(key: Key): boolean {
    if (this.#map?.delete(key) !== true) return false
    if (this.#map.size === 0) this.#map = null
    return true
  }

  clear(): void {
    this.#map = null
  }

  keys(): Iterable<Key> {
    return (this.#map ?? NO_ENTRIES).keys()
  }

  values(): Iterable<Value> {
    return (this.#map ?? NO_ENTRIES).values()
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return (this.#map ?? NO_ENTRIES)[Symbol.iterator]()
  }
}

export class LeanSet<Value> implements Iterable<Value> {
  #set: Set<Value> | null = null

  get size(): number {
    return this.#set === null ? 0 : this.#set.size
  }

  has(value: Value): boolean {
    return this.#set?.has(value) === true
  }

  add(value: Value): void {
    this.#set ??= new Set()
    this.#set.add(value)
  }

  /** @returns whether it was there */
  delete(value: Value): boolean {
    if (this.#set?.delete(value) !== true) return false
    if (this.#set.size === 0) this.#set = null
    return true
  }

  clear(): void {
    this.#set = null
  }

  [Symbol.iterator](): Iterator<Value> {
    return (this.#set ?? NO_VALUES)[Symbol.iterator]()
  }
}
