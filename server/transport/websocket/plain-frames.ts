/**
 * Reads what nearly all frames of clients are: whole messages in one frame, binary, masked, not deflated (RFC 6455
 * §5.2), in one chunk with nothing missing; and the answers to our pings. They need no state from one to the next.
 */

const FINAL_BINARY = 0x82
const FINAL_PONG = 0x8a
const IS_MASKED = 0x80
const MASK_BYTES = 4
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

/** From here on the view that words need is worth its making. */
const MANY_BYTES = 256
const WORD_BYTES = 4

/** Sees a mask as a number, in this machine's order of bytes. */
const word = new Int32Array(1)
const wordBytes = new Uint8Array(word.buffer)

const unmask = (payload: Uint8Array, chunk: Uint8Array, maskAt: number): void => {
  const { length } = payload
  if (length < MANY_BYTES) {
    unmaskBytes(payload, chunk, maskAt)
    return
  }
  const mask = chunk.subarray(maskAt, maskAt + MASK_BYTES)
  const start = -payload.byteOffset & (WORD_BYTES - 1)
  const words = new Int32Array(
    payload.buffer,
    payload.byteOffset + start,
    Math.floor((length - start) / WORD_BYTES),
  )
  for (let i = 0; i < WORD_BYTES; i++) wordBytes[i] = mask[(start + i) % MASK_BYTES]!
  const key = word[0]!
  for (let i = 0; i < start; i++) payload[i]! ^= mask[i]!
  for (let i = 0; i < words.length; i++) words[i]! ^= key
  for (let i = start + words.byteLength; i < length; i++) payload[i]! ^= mask[i % MASK_BYTES]!
}

const unmaskBytes = (payload: Uint8Array, chunk: Uint8Array, maskAt: number): void => {
  const a = chunk[maskAt]!
  const b = chunk[maskAt + 1]!
  const c = chunk[maskAt + 2]!
  const d = chunk[maskAt + 3]!
  const { length } = payload
  let i = 0
  for (const whole = length - (length % 4); i < whole; i += 4) {
    payload[i]! ^= a
    payload[i + 1]! ^= b
    payload[i + 2]! ^= c
    payload[i + 3]! ^= d
  }
  if (i < length) payload[i]! ^= a
  if (i + 1 < length) payload[i + 1]! ^= b
  if (i + 2 < length) payload[i + 2]! ^= c
}

/** Where the answer to one of our pings, which say nothing, ends; or `start` where there is none. */
export const pastPong = (chunk: Uint8Array, start: number): number => {
  const end = start + EMPTY_FRAME_BYTES
  const isPong = chunk[start] === FINAL_PONG && chunk[start + 1] === IS_MASKED && end <= chunk.length
  return isPong ? end : start
}
