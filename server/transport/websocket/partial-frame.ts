/**
 * A plain frame that comes in several chunks: each is unmasked and put in its place as it comes, so that a large message
 * keeps nobody waiting when its end is here.
 */
import type { BufferPool } from './buffer-pool.js'
import { FINAL_BINARY, IS_MASKED } from './plain-frames.js'
import { MASK_BYTES, unmask } from './unmask.js'

/** Room is made for so many times what has come, or so many bytes: a length is only announced. */
const ROOM_AHEAD = 8
const MIN_ROOM_BYTES = 4 * 1024

const NO_ROOM = Buffer.alloc(0)

export interface FrameTerms {
  /** A larger payload is not taken. */
  readonly maxPayloadBytes: number
  /** Where payloads are put together. */
  readonly buffers: BufferPool
}

export class PartialFrame {
  readonly #buffers: BufferPool
  /** As it came, the mask included. */
  readonly #header: Uint8Array
  readonly #length: number
  /** Twice, so that it can be read from any of its bytes on. */
  readonly #mask = new Uint8Array(2 * MASK_BYTES)
  #room: Buffer = NO_ROOM
  #taken = 0

  private constructor(buffers: BufferPool, header: Uint8Array, length: number) {
    this.#buffers = buffers
    this.#header = header
    this.#length = length
    const mask = header.subarray(-MASK_BYTES)
    this.#mask.set(mask)
    this.#mask.set(mask, MASK_BYTES)
  }

  /** What begins at `start`, of which the chunk has the header at least; null where it is not plain or too large. */
  static at(chunk: Uint8Array, start: number, { maxPayloadBytes, buffers }: FrameTerms): PartialFrame | null {
    const second = chunk[start + 1]
    if (chunk[start] !== FINAL_BINARY || second === undefined || second < IS_MASKED) return null
    const short = second - IS_MASKED
    const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8
    const payloadAt = start + 2 + lengthBytes + MASK_BYTES
    if (payloadAt > chunk.length) return null
    let length = lengthBytes === 0 ? short : 0
    for (let at = start + 2; at < start + 2 + lengthBytes; at++) length = length * 256 + chunk[at]!
    // A copy: the slice of a Buffer is a view, and the next chunk may come to the same place.
    const header = new Uint8Array(chunk.subarray(start, payloadAt))
    return length > maxPayloadBytes ? null : new PartialFrame(buffers, header, length)
  }

  get headerBytes(): number {
    return this.#header.length
  }

  /** Takes what is its own. @returns where in the chunk that ends */
  take(chunk: Uint8Array, start: number): number {
    const bytes = Math.min(chunk.length - start, this.#length - this.#taken)
    const end = this.#taken + bytes
    this.#makeRoom(end)
    this.#room.set(chunk.subarray(start, start + bytes), this.#taken)
    unmask(this.#room.subarray(this.#taken, end), this.#mask, this.#taken % MASK_BYTES)
    this.#taken = end
    return start + bytes
  }

  /** All of it, or null while some has not come. Lent until `end`. */
  get payload(): Uint8Array | null {
    return this.#taken === this.#length ? this.#room.subarray(0, this.#length) : null
  }

  /** Nobody needs its payload any more. */
  end(): void {
    if (this.#room !== NO_ROOM) this.#buffers.give(this.#room)
    this.#room = NO_ROOM
  }

  /** As it came so far, which is the caller's. Ends its use. */
  giveBack(): Uint8Array[] {
    const taken = this.#room.subarray(0, this.#taken)
    this.#room = NO_ROOM
    unmask(taken, this.#mask, 0)
    return [this.#header, taken]
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#room.length) return
    const room = this.#buffers.take(Math.min(this.#length, Math.max(MIN_ROOM_BYTES, bytes * ROOM_AHEAD)))
    room.set(this.#room.subarray(0, this.#taken))
    this.end()
    this.#room = room
  }
}
