/**
 * The awareness update of y-protocols as bytes: count, then clientID, clock and a JSON text each. Frames are
 * checked whole; a single entry that cannot be accepted is left out without hurting the others.
 * Source: y-protocols 1.0 `awareness.js`.
 */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { PlenumError } from '../../shared/errors.js'

export interface AwarenessEntry {
  readonly clientId: number
  readonly clock: number
  /** The JSON text of the state; null where the client says that it is gone. */
  readonly state: string | null
}

/** Peers compare clocks as numbers; one near 2^53 could never be passed again. */
const MAX_CLOCK = 2 ** 32
const MAX_ENTRIES = 100_000
const MAX_STATE_DEPTH = 64
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

export interface DecodedAwareness {
  readonly entries: readonly AwarenessEntry[]
  /** How many entries were left out: clock out of range, state too large, not JSON, not an object. */
  readonly dropped: number
}

/** @throws malformed where the bytes are not an awareness update, whatever its entries hold */
export const decodeAwareness = (bytes: Uint8Array, maxStateBytes: number): DecodedAwareness => {
  const d = decoding.createDecoder(bytes)
  const entries: AwarenessEntry[] = []
  let dropped = 0
  try {
    const count = readUint(d)
    if (count > MAX_ENTRIES) throw new Error('too many entries')
    for (let i = 0; i < count; i++) {
      const clientId = readUint(d)
      const clock = readUint(d)
      const length = readUint(d)
      if (length > bytes.length - d.pos) throw new Error('a length beyond the end')
      const state = decodeState(decoding.readUint8Array(d, length), maxStateBytes)
      if (clock > MAX_CLOCK || state === undefined) dropped++
      else entries.push({ clientId, clock, state })
    }
    if (d.pos !== bytes.length) throw new Error('trailing bytes')
  } catch (cause) {
    throw new PlenumError('malformed', 'malformed awareness update', { cause })
  }
  return { entries, dropped }
}

/** lib0 lets a padded number become NaN and a last byte lift it over 2^53. */
const readUint = (d: decoding.Decoder): number => {
  const number = decoding.readVarUint(d)
  if (!Number.isSafeInteger(number)) throw new Error('a number out of range')
  return number
}

/** A whole message: type 1, length, update. */
export const encodeAwarenessMessage = (entries: readonly AwarenessEntry[]): Uint8Array => {
  const update = encoding.encode(e => {
    encoding.writeVarUint(e, entries.length)
    for (const { clientId, clock, state } of entries) {
      encoding.writeVarUint(e, clientId)
      encoding.writeVarUint(e, clock)
      encoding.writeVarString(e, state ?? 'null')
    }
  })
  return encoding.encode(e => {
    encoding.writeVarUint(e, 1)
    encoding.writeVarUint8Array(e, update)
  })
}

const textDecoder = new TextDecoder('utf-8', { fatal: true })

/** The JSON text, null for a null state, undefined for what is not acceptable. */
const decodeState = (bytes: Uint8Array, maxBytes: number): string | null | undefined => {
  if (bytes.length > maxBytes) return undefined
  try {
    const text = textDecoder.decode(bytes)
    const state: unknown = JSON.parse(text)
    if (state === null) return null
    return isAcceptable(state) ? text : undefined
  } catch {
    return undefined
  }
}

const isAcceptable = (state: unknown): boolean => {
  if (typeof state !== 'object' || Array.isArray(state)) return false
  let level: unknown[] = [state]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_STATE_DEPTH) return false
    const below: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      for (const [key, child] of Object.entries(value)) {
        if (FORBIDDEN_KEYS.has(key)) return false
        below.push(child)
      }
    }
    level = below
  }
  return true
}
