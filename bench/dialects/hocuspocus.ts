/**
 * Hocuspocus's: each message begins with the name of the document, and a client authenticates first. As its
 * providers 3.4 and 4.7 do it (`AuthenticationMessage.ts`, `HocuspocusProvider.ts`); of these only the older one
 * sends awareness entries back.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import type { Dialect } from './dialect.js'

const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const QUERY_AWARENESS = 3
const SYNC_REPLY = 4
const PING = 9
const PONG = 10
const TOKEN = 0

interface Version {
  readonly name: string
  readonly echoesAwareness: boolean
  /** The provider's version, which newer ones tell. */
  readonly tells: string | null
}

const hocuspocus = ({ name, echoesAwareness, tells }: Version): Dialect => ({
  name,
  echoesAwareness,
  needsRenewals: true,
  protocols: [],
  asks: true,
  greetings: space => {
    const encoder = encoding.createEncoder()
    encoding.writeVarString(encoder, space)
    encoding.writeVarUint(encoder, AUTH)
    encoding.writeVarUint(encoder, TOKEN)
    encoding.writeVarString(encoder, 'a token')
    if (tells !== null) encoding.writeVarString(encoder, tells)
    return [encoding.toUint8Array(encoder)]
  },
  wrap: (space, message) => {
    const encoder = encoding.createEncoder()
    encoding.writeVarString(encoder, space)
    encoding.writeUint8Array(encoder, message)
    return encoding.toUint8Array(encoder)
  },
  unwrap: frame => {
    const message = withoutName(frame)
    switch (message[0]) {
      case SYNC:
      case AWARENESS:
      case QUERY_AWARENESS:
        return message
      case SYNC_REPLY: {
        const asSync = Uint8Array.from(message)
        asSync[0] = SYNC
        return asSync
      }
      default:
        return null
    }
  },
  answer: (space, frame) => {
    if (withoutName(frame)[0] !== PING) return null
    const encoder = encoding.createEncoder()
    encoding.writeVarString(encoder, space)
    encoding.writeVarUint(encoder, PONG)
    return encoding.toUint8Array(encoder)
  },
})

const withoutName = (frame: Uint8Array): Uint8Array => {
  const decoder = decoding.createDecoder(frame)
  decoding.readVarUint8Array(decoder)
  return frame.subarray(decoder.pos)
}

export const hocuspocus3 = hocuspocus({ name: 'hocuspocus-3', echoesAwareness: true, tells: null })
export const hocuspocus4 = hocuspocus({ name: 'hocuspocus-4', echoesAwareness: false, tells: '4.7.0' })
