/**
 * The awareness update of y-protocols as bytes: count, then clientID, clock and a JSON text each. Frames are
 * checked whole; entries that nobody wants cost no more than a look at their lengths, and what is relayed is
 * encoded once. Source: y-protocols 1.0 `awareness.js`.
 */
import { PlenumError } from '../../shared/errors.js'
import { isPlain } from './json-text.js'
import type { AwarenessState } from './stamp.js'

/** One client's state. */
export interface AwarenessEntry {
  readonly clientId: number
  readonly clock: number
  /** The JSON text in UTF-8; of an entry that came in, unchecked, and a view into the frame. */
  readonly json: Uint8Array
}

const MAX_ENTRIES = 100_000

/**
 * @param isWanted whether what is said of this clientID matters; other entries are skipped
 * @throws malformed where the bytes are not an awareness update, whatever its entries hold
 */
export const decodeAwareness = (
  bytes: Uint8Array,
  isWanted: (clientId: number) => boolean,
): { readonly entries: readonly AwarenessEntry[]; readonly skipped: number } => {
  const cursor = { bytes, at: 0 }
  const entries: AwarenessEntry[] = []
  const count = readUint(cursor)
  if (count > MAX_ENTRIES) return malformed('too many entries')
  for (let i = 0; i < count; i++) {
    const clientId = readUint(cursor)
    const clock = readUint(cursor)
    const length = readUint(cursor)
    const start = cursor.at
    if (length > bytes.length - start) return malformed('a length beyond the end')
    cursor.at = start + length
    if (isWanted(clientId)) entries.push({ clientId, clock, json: bytes.subarray(start, cursor.at) })
  }
  if (cursor.at !== bytes.length) return malformed('trailing bytes')
  return { entries, skipped: count - entries.length }
}

/** What a JSON text says of its client: here it is, it is gone, or nothing that anybody could be told. */
export type ReadState =
  | { readonly type: 'state'; readonly state: AwarenessState }
  | { readonly type: 'gone' }
  | { readonly type: 'unacceptable' }

const textDecoder = new TextDecoder('utf-8', { fatal: true })
const GONE_STATE: ReadState = Object.freeze({ type: 'gone' })
const UNACCEPTABLE: ReadState = Object.freeze({ type: 'unacceptable' })

/** Objects of bounded size and depth, without keys that could reach a prototype; `null` where it is gone. */
export const readState = (json: Uint8Array, maxBytes: number): ReadState => {
  if (json.length > maxBytes) return UNACCEPTABLE
  try {
    const state: unknown = JSON.parse(textDecoder.decode(json))
    if (state === null) return GONE_STATE
    return isObject(state) && isPlain(state) ? { type: 'state', state } : UNACCEPTABLE
  } catch {
    return UNACCEPTABLE
  }
}

/** The text of a state that is gone. */
export const GONE: Uint8Array = new TextEncoder().encode('null')

/** How many bytes an entry takes. */
export const entryBytes = ({ clientId, clock, json }: AwarenessEntry): number =>
  uintBytes(clientId) + uintBytes(clock) + uintBytes(json.length) + json.length

/** @returns where the next byte goes */
export const writeEntry = (
  target: Uint8Array,
  start: number,
  { clientId, clock, json }: AwarenessEntry,
): number => {
  const at = writeUint(target, writeUint(target, writeUint(target, start, clientId), clock), json.length)
  target.set(json, at)
  return at + json.length
}

/** One entry in bytes of its own. */
export const encodeEntry = (clientId: number, clock: number, json: Uint8Array): Uint8Array => {
  const entry = { clientId, clock, json }
  const bytes = new Uint8Array(entryBytes(entry))
  writeEntry(bytes, 0, entry)
  return bytes
}

const AWARENESS = 1

/**
 * A whole message (type 1, length, update) around entries that are encoded already.
 * @param parts the entries, in pieces of any size
 */
export const awarenessMessage = (count: number, parts: readonly Uint8Array[]): Uint8Array => {
  let length = uintBytes(count)
  for (const part of parts) length += part.length
  const message = new Uint8Array(1 + uintBytes(length) + length)
  message[0] = AWARENESS
  let at = writeUint(message, writeUint(message, 1, length), count)
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}

/** Numbers beyond 2^53 are refused, however they are written. */
const readUint = (cursor: { readonly bytes: Uint8Array; at: number }): number => {
  const { bytes } = cursor
  let number = 0
  for (let factor = 1; factor <= Number.MAX_SAFE_INTEGER; factor *= 128) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) return malformed('truncated')
    number += (byte & 0x7f) * factor
    if (byte < 0x80) {
      return number <= Number.MAX_SAFE_INTEGER ? number : malformed('a number out of range')
    }
  }
  return malformed('a number out of range')
}

const uintBytes = (number: number): number => {
  let bytes = 1
  for (let rest = number; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** @returns where the next byte goes */
const writeUint = (target: Uint8Array, start: number, number: number): number => {
  let at = start
  let rest = number
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) target[at++] = 0x80 | (rest % 128)
  target[at++] = rest
  return at
}

const malformed = (why: string): never => {
  throw new PlenumError('malformed', `malformed awareness update: ${why}`)
}

const isObject = (value: unknown): value is AwarenessState =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
