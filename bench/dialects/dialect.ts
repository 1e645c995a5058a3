/**
 * How a load client talks to one kind of server. All carry y-protocols' messages (type, then content); they differ
 * in what stands around a message, what is said first, and in what their own clients do.
 */

export interface Dialect {
  readonly name: string
  /** Offered in the upgrade, beside a token. */
  readonly protocols: readonly string[]
  /** Whether its clients send back each awareness entry that they receive and that is new to them. */
  readonly echoesAwareness: boolean
  /** Whether its clients take whoever says nothing new for 30 s for gone: they are told of each renewal. */
  readonly needsRenewals: boolean
  /** Whether its clients send a step 1 and answer one. */
  readonly asks: boolean
  /** What its clients send before anything else. */
  greetings(space: string): Uint8Array[]
  /** A y-protocols message as it goes over the wire. */
  wrap(space: string, message: Uint8Array): Uint8Array
  /** The y-protocols message of a frame; null where it is none. */
  unwrap(frame: Uint8Array): Uint8Array | null
  /** What is to be answered to a frame that holds no y-protocols message; null for nothing. */
  answer(space: string, frame: Uint8Array): Uint8Array | null
}
