/** Counts events per key in windows of fixed length; memory is bounded by a number of keys. */

interface Window {
  readonly startMs: number
  count: number
}

export class RateWindow {
  readonly #windowMs: number
  readonly #limit: number
  readonly #maxKeys: number
  readonly #windows = new Map<string, Window>()

  constructor(limit: number, windowMs: number, maxKeys = 10_000) {
    this.#limit = limit
    this.#windowMs = windowMs
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#windows.size
  }

  add(key: string, nowMs: number): void {
    const open = this.#windows.get(key)
    if (open !== undefined && nowMs - open.startMs < this.#windowMs) {
      open.count++
      return
    }
    this.#windows.delete(key)
    this.#windows.set(key, { startMs: nowMs, count: 1 })
    if (this.#windows.size > this.#maxKeys) this.#windows.delete(this.#windows.keys().next().value as string)
  }

  /** How long the key must wait, ms; 0 where it is within the limit. */
  waitMs(key: string, nowMs: number): number {
    const open = this.#windows.get(key)
    if (open === undefined || open.count < this.#limit) return 0
    return Math.max(0, open.startMs + this.#windowMs - nowMs)
  }

  /** Forgets windows that are over. */
  sweep(nowMs: number): void {
    for (const [key, { startMs }] of this.#windows) {
      if (nowMs - startMs >= this.#windowMs) this.#windows.delete(key)
    }
  }
}
