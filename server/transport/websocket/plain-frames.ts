/**
 * Reads what nearly all frames of clients are: whole messages in one frame, binary, masked, not deflated (RFC 6455
 * §5.2), in one chunk with nothing missing; and the answers to our pings. They need no state from one to the next.
 */
import { MASK_BYTES, unmask } from './unmask.js'

export const FINAL_BINARY = 0x82
const FINAL_PONG = 0x8a
export const IS_MASKED = 0x80
const EMPTY_FRAME_BYTES = 2 + MASK_BYTES

/**
 * The payload of the frame that starts at `start`, as a view of `chunk`, unmasked in its place, and up to the frame's
 * end; or null where that frame is none of these, or larger than `maxBytes`. Nothing is changed then.
 */
export const plainPayload = (chunk: Uint8Array, start: number, maxBytes: number): Uint8Array | null => {
  if (start + EMPTY_FRAME_BYTES > chunk.length || chunk[start] !== FINAL_BINARY) return null
  const second = chunk[start + 1]!
  if (second < IS_MASKED) return null
  let length = second - IS_MASKED
  let maskAt = start + 2
  if (length === 126) {
    length = chunk[start + 2]! * 256 + chunk[start + 3]!
    maskAt = start + 4
  } else if (length === 127) {
    // No chunk is that long.
    return null
  }
  const payloadAt = maskAt + MASK_BYTES
  if (length > maxBytes || payloadAt + length > chunk.length) return null
  const payload = new Uint8Array(chunk.buffer, chunk.byteOffset + payloadAt, length)
  unmask(payload, chunk, maskAt)
  return payload
}

/** Where the answer to one of our pings, which say nothing, ends; or `start` where there is none. */
export const pastPong = (chunk: Uint8Array, start: number): number => {
  const end = start + EMPTY_FRAME_BYTES
  const isPong = chunk[start] === FINAL_PONG && chunk[start + 1] === IS_MASKED && end <= chunk.length
  return isPong ? end : start
}
