/** Bytes compared and put together, without Node. */

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** The very same bytes where there is only one. */
export const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Small copies share a buffer of so many bytes: one each costs more than its bytes, and more again where it is read. */
const SLAB_BYTES = 8 * 1024
const MAX_SHARED_BYTES = 1024

let slab = new Uint8Array(SLAB_BYTES)
let used = 0

/** A copy, for as long as what else was copied then may be kept too. */
export const copyOf = (bytes: Uint8Array): Uint8Array => {
  const { length } = bytes
  if (length > MAX_SHARED_BYTES) return new Uint8Array(bytes)
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    used = 0
  }
  const copy = new Uint8Array(slab.buffer, used, length)
  copy.set(bytes)
  used += length
  return copy
}
