/** The port to what makes bytes smaller that are kept and seldom wanted. */
export interface Packing {
  /** @returns bytes of its own, however short */
  pack(bytes: Uint8Array): Promise<Uint8Array>
  /** @param length of what was packed; more does not come out @throws where it is not what was packed */
  unpack(packed: Uint8Array, length: number): Promise<Uint8Array>
}
