/**
 * Bytes to messages. Every length is bounded by the frame before anything is allocated, and a frame must be
 * consumed whole. Byte fields of a decoded message are views into the frame: copy what outlives it.
 */
import * as decoding from 'lib0/decoding'
import { ERRORS, type ErrorCode, PlenumError } from '../errors.js'
import { isRole, type Role } from '../roles.js'
import {
  AUTH_PERMISSION_DENIED,
  type ClientMessage,
  LEAVE_REASONS,
  MESSAGE,
  NOTICES,
  type RosterMember,
  type ServerMessage,
  SYNC,
} from './messages.js'

export const MAX_TOKEN_BYTES = 16 * 1024
export const MAX_TEXT_BYTES = 4096
export const MAX_SIGNAL_BYTES = 16 * 1024

/**
 * Decodes what a client may send.
 * @throws malformed for anything that is not exactly one known message
 */
export const decodeClientMessage = (frame: Uint8Array): ClientMessage =>
  decodeWhole(frame, (d, type) => {
    switch (type) {
      case MESSAGE.sync:
        return readSync(d)
      case MESSAGE.awareness:
        return { type: 'awareness', entries: readBytes(d) }
      case MESSAGE.queryAwareness:
        return { type: 'query-awareness' }
      case MESSAGE.authenticate:
        return { type: 'authenticate', token: readText(d, MAX_TOKEN_BYTES) }
      case MESSAGE.signal:
        return {
          type: 'signal',
          to: readText(d, MAX_TEXT_BYTES) || null,
          json: readText(d, MAX_SIGNAL_BYTES),
        }
      default:
        return unknownType(type)
    }
  })

/**
 * Decodes what a server may send.
 * @throws malformed for anything that is not exactly one known message
 */
export const decodeServerMessage = (frame: Uint8Array): ServerMessage =>
  decodeWhole(frame, (d, type) => {
    switch (type) {
      case MESSAGE.sync:
        return readSync(d)
      case MESSAGE.awareness:
        return { type: 'awareness', entries: readBytes(d) }
      case MESSAGE.auth:
        if (readUint(d) !== AUTH_PERMISSION_DENIED) return malformed('unknown auth message')
        return { type: 'permission-denied', reason: readText(d, MAX_TEXT_BYTES) }
      case MESSAGE.welcome:
        return readWelcome(d)
      case MESSAGE.saved:
        return { type: 'saved', count: readUint(d), position: readUint(d) }
      case MESSAGE.rejected:
        return {
          type: 'rejected',
          number: readUint(d),
          code: readErrorCode(d),
          reason: readText(d, MAX_TEXT_BYTES),
        }
      case MESSAGE.access:
        return { type: 'access', role: readRole(d), expiresAtMs: readUint(d) }
      case MESSAGE.roster:
        return readRoster(d)
      case MESSAGE.signal:
        return {
          type: 'signalled',
          from: readText(d, MAX_TEXT_BYTES),
          isDirect: readFlag(d),
          json: readText(d, MAX_SIGNAL_BYTES),
        }
      case MESSAGE.notice: {
        const kind = NOTICES[readUint(d)] ?? malformed('unknown notice')
        return { type: 'notice', kind, retryAfterMs: readUint(d) }
      }
      default:
        return unknownType(type)
    }
  })

const malformed = (why: string, cause?: unknown): never => {
  throw new PlenumError('malformed', `malformed message: ${why}`, { cause })
}

const unknownType = (type: number): never => malformed(`unknown type ${type}`)

const decodeWhole = <Message>(
  frame: Uint8Array,
  read: (d: decoding.Decoder, type: number) => Message,
): Message => {
  const d = decoding.createDecoder(frame)
  let message: Message
  try {
    message = read(d, readUint(d))
  } catch (error) {
    if (error instanceof PlenumError) throw error
    return malformed('truncated', error)
  }
  if (d.pos !== frame.length) return malformed('trailing bytes')
  return message
}

const readSync = (d: decoding.Decoder) => {
  const subtype = readUint(d)
  switch (subtype) {
    case SYNC.step1:
      return { type: 'step1', stateVector: readBytes(d) } as const
    case SYNC.step2:
      return { type: 'step2', update: readBytes(d) } as const
    case SYNC.update:
      return { type: 'update', update: readBytes(d) } as const
    default:
      return malformed(`unknown sync message ${subtype}`)
  }
}

const readWelcome = (d: decoding.Decoder): ServerMessage => {
  const version = readUint(d)
  return {
    type: 'welcome',
    version,
    session: readText(d, MAX_TEXT_BYTES),
    incarnation: readText(d, MAX_TEXT_BYTES),
    epoch: readText(d, MAX_TEXT_BYTES),
    user: readText(d, MAX_TEXT_BYTES),
    role: readRole(d),
    serverTimeMs: readUint(d),
    limits: {
      maxFrameBytes: readUint(d),
      maxDocumentBytes: readUint(d),
      maxAwarenessBytes: readUint(d),
    },
    expiresAtMs: readUint(d),
  }
}

const readRoster = (d: decoding.Decoder): ServerMessage => ({
  type: 'roster',
  isWhole: readFlag(d),
  serverTimeMs: readUint(d),
  members: readList(d, readMember),
  forgotten: readList(d, list => readText(list, MAX_TEXT_BYTES)),
})

const readMember = (d: decoding.Decoder): RosterMember => {
  const user = readText(d, MAX_TEXT_BYTES)
  const name = readText(d, MAX_TEXT_BYTES) || null
  const connections = readUint(d)
  const joinedAtMs = readUint(d)
  const lastSeenMs = readUint(d)
  const left = connections > 0 ? null : readLeft(d)
  return { user, name, connections, joinedAtMs, lastSeenMs, left }
}

const readLeft = (d: decoding.Decoder): RosterMember['left'] => {
  const atMs = readUint(d)
  return { atMs, reason: LEAVE_REASONS[readUint(d)] ?? malformed('unknown reason') }
}

/** Every entry takes at least a byte, so that the frame bounds how many there are. */
const readList = <Entry>(d: decoding.Decoder, read: (d: decoding.Decoder) => Entry): Entry[] => {
  const count = readUint(d)
  if (count > d.arr.length - d.pos) return malformed('more entries than bytes')
  const entries: Entry[] = []
  for (let i = 0; i < count; i++) entries.push(read(d))
  return entries
}

const readFlag = (d: decoding.Decoder): boolean => {
  const flag = readUint(d)
  return flag > 1 ? malformed('neither yes nor no') : flag === 1
}

const readRole = (d: decoding.Decoder): Role => {
  const role = readText(d, MAX_TEXT_BYTES)
  return isRole(role) ? role : malformed('unknown role')
}

const readErrorCode = (d: decoding.Decoder): ErrorCode => {
  const code = readText(d, MAX_TEXT_BYTES)
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : malformed('unknown error code')
}

/**
 * lib0 checks the range only between bytes: a last byte can lift the number over 2^53, and padding with zero
 * bits can make it NaN, which no comparison catches. Padding is refused: a number has one encoding.
 */
const readUint = (d: decoding.Decoder): number => {
  const start = d.pos
  const number = decoding.readVarUint(d)
  if (!Number.isSafeInteger(number)) return malformed('a number out of range')
  if (d.pos - start > 1 && d.arr[d.pos - 1] === 0) return malformed('a padded number')
  return number
}

/** A length-prefixed view into the frame. lib0 before 0.2.118 read past its end, so the bound is ours. */
const readBytes = (d: decoding.Decoder): Uint8Array => {
  const length = readUint(d)
  if (length > d.arr.length - d.pos) return malformed('a length beyond the end of the frame')
  return decoding.readUint8Array(d, length)
}

const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const readText = (d: decoding.Decoder, maxBytes: number): string => {
  const bytes = readBytes(d)
  if (bytes.length > maxBytes) return malformed('a text that is too long')
  return textDecoder.decode(bytes)
}
