/**
 * The last flushes of one space, for those who come back after a short absence. Bounded in bytes and number: the
 * oldest go first, and whoever missed one of those is brought up to date by state vector instead.
 */

/** One flush as it was relayed: all updates under one position. */
export interface Flush {
  readonly position: number
  readonly updates: readonly Uint8Array[]
}

export interface RecentBounds {
  readonly maxBytes: number
  readonly maxUpdates: number
}

const FIRST_CAPACITY = 256

export class RecentFlushes {
  /** Everything after this position is here. */
  #floor: number
  /** The last flush's. */
  #position: number
  /** The updates one after the other: as objects of their own, small ones would take ten times their size. */
  #buffer = new Uint8Array(0)
  #usedBytes = 0
  /** Of each update its length, and the position of its flush. */
  #lengths: number[] = []
  #positions: number[] = []

  /** @param position of the last flush before the first that will be added */
  constructor(position: number) {
    this.#floor = position
    this.#position = position
  }

  get bytes(): number {
    return this.#usedBytes
  }

  /** Takes the next flush; the updates are copied. */
  add({ position, updates }: Flush, { maxBytes, maxUpdates }: RecentBounds): void {
    if (position !== this.#position + 1) this.#forget(position - 1)
    const bytes = updates.reduce((sum, update) => sum + update.length, 0)
    if (bytes > maxBytes || updates.length > maxUpdates) {
      this.#forget(position)
      return
    }
    const isOver = this.#usedBytes + bytes > maxBytes || this.#lengths.length + updates.length > maxUpdates
    // Half of it at once, so that dropping costs nothing to speak of.
    if (isOver) this.#keep(Math.floor(maxBytes / 2) - bytes, Math.floor(maxUpdates / 2) - updates.length)
    this.#reserve(bytes)
    for (const update of updates) {
      this.#buffer.set(update, this.#usedBytes)
      this.#usedBytes += update.length
      this.#lengths.push(update.length)
      this.#positions.push(position)
    }
    this.#position = position
  }

  /**
   * What came after a position, in order; null where some of it is not here any more, or not yet.
   * The updates are views that the next call to `add` may overwrite.
   */
  since(position: number): Uint8Array[] | null {
    if (position < this.#floor || position > this.#position) return null
    const updates: Uint8Array[] = []
    let end = this.#usedBytes
    for (let i = this.#lengths.length - 1; i >= 0 && this.#positions[i]! > position; i--) {
      const start = end - this.#lengths[i]!
      updates.push(this.#buffer.subarray(start, end))
      end = start
    }
    return updates.reverse()
  }

  /** Keeps only the newest, in as much memory as they need. */
  trim({ maxBytes, maxUpdates }: RecentBounds): void {
    this.#keep(maxBytes, maxUpdates)
    this.#buffer = this.#buffer.slice(0, this.#usedBytes)
    this.#lengths = this.#lengths.slice()
    this.#positions = this.#positions.slice()
  }

  /** Drops everything; the last position is this one. */
  #forget(position: number): void {
    this.#floor = position
    this.#position = position
    this.#buffer = new Uint8Array(0)
    this.#usedBytes = 0
    this.#lengths = []
    this.#positions = []
  }

  /** Drops whole flushes, the oldest first, until no more than this is left. */
  #keep(maxBytes: number, maxUpdates: number): void {
    let dropped = 0
    let bytes = 0
    const isTooMuch = (): boolean =>
      this.#usedBytes - bytes > maxBytes || this.#lengths.length - dropped > maxUpdates
    while (dropped < this.#lengths.length && (isTooMuch() || this.#positions[dropped] === this.#floor)) {
      this.#floor = this.#positions[dropped]!
      bytes += this.#lengths[dropped]!
      dropped++
    }
    this.#buffer.copyWithin(0, bytes, this.#usedBytes)
    this.#usedBytes -= bytes
    this.#lengths.splice(0, dropped)
    this.#positions.splice(0, dropped)
  }

  #reserve(bytes: number): void {
    const needed = this.#usedBytes + bytes
    if (needed <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(FIRST_CAPACITY, needed, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#usedBytes))
    this.#buffer = grown
  }
}
