/** Edits that are each small and valid, and together cost Yjs time in proportion to the square of their number. */

/** Single characters at the start of one empty text, by as many clients, in the order that makes each pass all. */
export const adverseEdits = (count: number, firstClient = 1_000): Uint8Array[] =>
  Array.from({ length: count }, (_, i) =>
    // 1 client, 1 struct: client, clock 0; a string without neighbours in the root "text": "x"; no deletions
    Uint8Array.of(1, 1, ...varUint(firstClient + i), 0, 4, 1, 4, 0x74, 0x65, 0x78, 0x74, 1, 0x78, 0),
  )

const varUint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varUint(value >>> 7)]
