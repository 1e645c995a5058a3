/**
 * Length-prefixed fields read back from stored bytes. lib0 does not check a length against what is there,
 * and a stored row may be a view into a larger buffer: a lying length must never reach the neighbour.
 */
import * as decoding from 'lib0/decoding'

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A view into the decoder's buffer. @throws RangeError for a length beyond the end */
export const readBytes = (d: decoding.Decoder): Uint8Array => {
  const length = decoding.readVarUint(d)
  if (length > d.arr.length - d.pos) throw new RangeError('a length beyond the end')
  return decoding.readUint8Array(d, length)
}

/** @throws RangeError for a length beyond the end, TypeError for invalid UTF-8 */
export const readText = (d: decoding.Decoder): string => textDecoder.decode(readBytes(d))

/** Reads `count` items; every item takes at least one byte, so a lying count is refused before it allocates. */
export const readList = <Item>(d: decoding.Decoder, readItem: () => Item): Item[] => {
  const count = decoding.readVarUint(d)
  if (count > d.arr.length - d.pos) throw new RangeError('a count beyond the end')
  const items: Item[] = []
  for (let i = 0; i < count; i++) items.push(readItem())
  return items
}

/** @throws RangeError for trailing bytes */
export const expectEnd = (d: decoding.Decoder): void => {
  if (d.pos !== d.arr.length) throw new RangeError('trailing bytes')
}
