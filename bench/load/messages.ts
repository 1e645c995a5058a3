/** The y-protocols messages that load clients send and read, without a document. */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

export const SYNC = 0
export const AWARENESS = 1
export const STEP_1 = 0
export const STEP_2 = 1
export const UPDATE = 2

export interface AwarenessEntry {
  readonly clientId: number
  readonly clock: number
  /** JSON; `null` where the client left. */
  readonly state: string
}

export const EMPTY_STATE_VECTOR = Uint8Array.of(0)
/** Neither structs nor deletions. */
export const EMPTY_UPDATE = Uint8Array.of(0, 0)

const syncMessage = (kind: number, content: Uint8Array): Uint8Array => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, SYNC)
  encoding.writeVarUint(encoder, kind)
  encoding.writeVarUint8Array(encoder, content)
  return encoding.toUint8Array(encoder)
}

export const step1 = (stateVector: Uint8Array): Uint8Array => syncMessage(STEP_1, stateVector)
export const step2 = (update: Uint8Array): Uint8Array => syncMessage(STEP_2, update)
export const updateMessage = (update: Uint8Array): Uint8Array => syncMessage(UPDATE, update)

export const awarenessMessage = (entries: readonly AwarenessEntry[]): Uint8Array => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, entries.length)
  for (const { clientId, clock, state } of entries) {
    encoding.writeVarUint(encoder, clientId)
    encoding.writeVarUint(encoder, clock)
    encoding.writeVarString(encoder, state)
  }
  const message = encoding.createEncoder()
  encoding.writeVarUint(message, AWARENESS)
  encoding.writeVarUint8Array(message, encoding.toUint8Array(encoder))
  return encoding.toUint8Array(message)
}

/** The entries of an awareness message. */
export const readAwareness = (message: Uint8Array): AwarenessEntry[] => {
  const outer = decoding.createDecoder(message.subarray(1))
  const decoder = decoding.createDecoder(decoding.readVarUint8Array(outer))
  return Array.from({ length: decoding.readVarUint(decoder) }, () => ({
    clientId: decoding.readVarUint(decoder),
    clock: decoding.readVarUint(decoder),
    state: decoding.readVarString(decoder),
  }))
}

/** The content of a sync message, a view into it. */
export const syncContent = (message: Uint8Array): Uint8Array => {
  const decoder = decoding.createDecoder(message.subarray(2))
  return decoding.readVarUint8Array(decoder)
}
