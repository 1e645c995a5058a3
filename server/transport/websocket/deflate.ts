/**
 * permessage-deflate (RFC 7692) without a context between messages, so that no connection needs a compressor of
 * its own: small messages go through zlib at once, in both directions, and only what is large waits for a
 * thread. What a message inflates to is bounded.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { PerMessageDeflateOptions, WebSocket } from 'ws'

/** Smaller ones gain little (a dozen edits, 200 bytes, a third), and larger ones would keep everybody waiting. */
const MIN_BYTES = 192
const MAX_BYTES = 64 * 1024
/** What a message may come to within a tick: 64 KB of zeros would be 64 MB. */
const MAX_INFLATED_BYTES = 1024 * 1024

/** A flush ends with these; they do not travel. */
const TRAILER = Buffer.of(0x00, 0x00, 0xff, 0xff)

/** What the server offers to agree on: either side starts anew with each message. */
export const DEFLATE_TERMS: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
}

export const isWorthDeflating = ({ length }: Uint8Array): boolean =>
  length >= MIN_BYTES && length <= MAX_BYTES

/** The payload of a deflated frame. Windows of 8 KB: entries of presence repeat within less. */
export const deflated = (payload: Uint8Array): Uint8Array => {
  const options = { level: 1, windowBits: 13, memLevel: 6, finishFlush: constants.Z_SYNC_FLUSH }
  return deflateRawSync(payload, options).subarray(0, -TRAILER.length)
}

const EXTENSION = 'permessage-deflate'

type Inflated = (error: Error | null, message?: Buffer) => void

interface Inflater {
  decompress(data: Buffer, isLast: boolean, done: Inflated): void
}

interface Internals {
  readonly _extensions?: { readonly [EXTENSION]?: Partial<Inflater> }
}

/** Whether this connection agreed on it. */
export const isDeflating = (ws: WebSocket): boolean => ws.extensions.includes(EXTENSION)

/**
 * Has small messages inflated at once, without a stream for each connection that `ws` would keep. Large ones,
 * messages in fragments and what does not inflate within bounds are left to `ws`, which knows what to answer.
 */
export const inflateInPlace = (ws: WebSocket, maxPayloadBytes: number): void => {
  const inflater = (ws as Internals)._extensions?.[EXTENSION]
  if (typeof inflater?.decompress !== 'function') return
  const slowly = inflater.decompress.bind(inflater)
  let isWithinMessage = false
  inflater.decompress = (data, isLast, done) => {
    const message = isWithinMessage || !isLast ? null : inflated(data, maxPayloadBytes)
    isWithinMessage = !isLast
    if (message === null) slowly(data, isLast, done)
    // Its caller does not expect an answer before it returns.
    else process.nextTick(done, null, message)
  }
}

const inflated = (data: Buffer, maxOutputLength: number): Buffer | null => {
  if (data.length > MAX_BYTES) return null
  try {
    return inflateRawSync(Buffer.concat([data, TRAILER]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.min(maxOutputLength, MAX_INFLATED_BYTES),
    })
  } catch {
    return null
  }
}
