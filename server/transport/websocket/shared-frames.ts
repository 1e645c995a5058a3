/**
 * Payloads as WebSocket frames (RFC 6455 §5.2: final, binary, unmasked), deflated for those who negotiated it
 * (RFC 7692). A payload that is sent to one socket after the other is framed, and deflated, once; what is
 * returned is shared and must not be changed.
 */
import { deflated, isWorthDeflating } from './deflate.js'

/** Up to here header and payload are one buffer; a copy of more would cost more than a second buffer does. */
const MAX_COPIED_BYTES = 16 * 1024
/** A turn sends everybody a few frames, in the same order to each. */
const KEPT = 4

const FINAL_BINARY = 0x82
const IS_DEFLATED = 0x40

/** What is written to a socket, in order. */
export type Chunks = readonly Uint8Array[]

interface Framed {
  readonly payload: Uint8Array
  plain: Chunks | null
  deflated: Chunks | null
}

export class SharedFrames {
  /** The latest, the oldest overwritten first. */
  readonly #kept: (Framed | undefined)[] = new Array(KEPT).fill(undefined)
  #next = 0

  /** @param mayDeflate whether the receiver understands deflated frames: it gets one where that pays */
  of(payload: Uint8Array, mayDeflate = false): Chunks {
    const isDeflated = mayDeflate && isWorthDeflating(payload)
    if (!isDeflated && payload.length > MAX_COPIED_BYTES) return [header(payload.length), payload]
    const framed = this.#find(payload) ?? this.#keep(payload)
    if (isDeflated) {
      framed.deflated ??= [joined(deflated(payload), FINAL_BINARY | IS_DEFLATED)]
      return framed.deflated
    }
    framed.plain ??= [joined(payload, FINAL_BINARY)]
    return framed.plain
  }

  #find(payload: Uint8Array): Framed | undefined {
    for (const framed of this.#kept) if (framed?.payload === payload) return framed
    return undefined
  }

  #keep(payload: Uint8Array): Framed {
    const framed: Framed = { payload, plain: null, deflated: null }
    this.#kept[this.#next] = framed
    this.#next = (this.#next + 1) % KEPT
    return framed
  }
}

const headerBytes = (length: number): number => {
  if (length < 126) return 2
  return length < 0x1_00_00 ? 4 : 10
}

const header = (length: number): Buffer =>
  writeHeader(Buffer.allocUnsafe(headerBytes(length)), FINAL_BINARY, length)

const joined = (payload: Uint8Array, firstByte: number): Buffer => {
  const start = headerBytes(payload.length)
  const frame = Buffer.allocUnsafe(start + payload.length)
  frame.set(payload, start)
  return writeHeader(frame, firstByte, payload.length)
}

const writeHeader = (frame: Buffer, firstByte: number, length: number): Buffer => {
  frame[0] = firstByte
  if (length < 126) {
    frame[1] = length
  } else if (length < 0x1_00_00) {
    frame[1] = 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 127
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    frame.writeUInt32BE(length % 2 ** 32, 6)
  }
  return frame
}
