/**
 * Buffers that are used again. Where every large message gets one of its own, V8, which counts their bytes, marks and
 * sweeps the whole heap for every few dozen of them: in a room of two thousand that was a third of the CPU.
 */

/** Each is a power of two; a larger one is made to measure and not kept. */
const MIN_BYTES = 4 * 1024
const MAX_BYTES = 2 ** 20

interface Shelf {
  readonly free: Buffer[]
  /** The fewest that were free at once since the last sweep: so many were not needed. */
  spare: number
}

export class BufferPool {
  /** By the size of the buffers, bytes. */
  readonly #shelves = new Map<number, Shelf>()

  /** How much waits to be used again, bytes. */
  get freeBytes(): number {
    let bytes = 0
    for (const [size, { free }] of this.#shelves) bytes += size * free.length
    return bytes
  }

  /** @returns a buffer of at least so many bytes, with anything in it: the caller's until it is given back */
  take(bytes: number): Buffer {
    if (bytes > MAX_BYTES) return Buffer.allocUnsafeSlow(bytes)
    let size = MIN_BYTES
    while (size < bytes) size *= 2
    const shelf = this.#shelves.get(size)
    const buffer = shelf?.free.pop()
    if (shelf === undefined || buffer === undefined) return Buffer.allocUnsafeSlow(size)
    shelf.spare = Math.min(shelf.spare, shelf.free.length)
    return buffer
  }

  /** @param buffer as it was taken; nobody may use it any more */
  give(buffer: Buffer): void {
    const size = buffer.length
    if (size > MAX_BYTES) return
    const shelf = this.#shelves.get(size)
    if (shelf === undefined) this.#shelves.set(size, { free: [buffer], spare: 0 })
    else shelf.free.push(buffer)
  }

  /** Once a second: what was not needed since the last time is let go. */
  sweep(): void {
    for (const [size, shelf] of this.#shelves) {
      shelf.free.length -= shelf.spare
      shelf.spare = shelf.free.length
      if (shelf.spare === 0) this.#shelves.delete(size)
    }
  }
}
