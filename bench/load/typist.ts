/**
 * A person who types in the text of a document, a character a time, each after the one before: the updates byte
 * for byte as a Y.Doc would send them, at a fraction of its cost, so that the load generator is not what is measured.
 */
import * as encoding from 'lib0/encoding'

/** Content of a ContentString; with an origin on its left. */
const STRING = 4
const HAS_ORIGIN = 0x80
const LETTERS = 'abcdefghijklmnopqrstuvwxyz '
export const TEXT_NAME = 'text'

export class Typist {
  readonly clientId: number
  #clock = 0

  constructor(clientId: number) {
    this.clientId = clientId
  }

  /** How many characters were typed; the next one has this clock. */
  get clock(): number {
    return this.#clock
  }

  /** The next character, as an update in encoding v1. */
  type(): Uint8Array {
    const clock = this.#clock++
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 1) // clients
    encoding.writeVarUint(encoder, 1) // structs
    encoding.writeVarUint(encoder, this.clientId)
    encoding.writeVarUint(encoder, clock)
    if (clock === 0) {
      encoding.writeUint8(encoder, STRING)
      encoding.writeVarUint(encoder, 1) // the parent is a type of the document, by name
      encoding.writeVarString(encoder, TEXT_NAME)
    } else {
      encoding.writeUint8(encoder, STRING | HAS_ORIGIN)
      encoding.writeVarUint(encoder, this.clientId)
      encoding.writeVarUint(encoder, clock - 1)
    }
    encoding.writeVarString(encoder, LETTERS[clock % LETTERS.length]!)
    encoding.writeVarUint(encoder, 0) // deletions
    return encoding.toUint8Array(encoder)
  }
}
