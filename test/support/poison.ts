/**
 * Two updates that each read as valid and apply without complaint, and leave a state that loads as another: a
 * map entry that is a string of two, half of which is deleted. Found by fuzzing.
 */

export interface Poison {
  /** Harmless alone. */
  readonly entry: Uint8Array
  /** With this one the state is no longer what loading it gives. */
  readonly sting: Uint8Array
}

/** @param client below 128, and new to the document */
export const poisonBy = (client: number): Poison => ({
  // 1 client, 1 struct, client, clock 0; a string with a parent key; root "t", key "l", "ab"; no deletions
  entry: Uint8Array.of(1, 1, client, 0, 0x24, 1, 1, 0x74, 1, 0x6c, 2, 0x61, 0x62, 0),
  // no structs; 1 client, client, 1 range: clock 1, length 1
  sting: Uint8Array.of(0, 1, client, 1, 1, 1),
})
