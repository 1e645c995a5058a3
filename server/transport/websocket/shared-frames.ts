/**
 * Payloads as WebSocket frames (RFC 6455 §5.2: final, binary, unmasked). A payload that is sent to one socket
 * after the other is framed once; what is returned is shared and must not be changed.
 */

/** Up to here header and payload are one buffer; a copy of more would cost more than a second buffer does. */
const MAX_COPIED_BYTES = 16 * 1024
/** A turn sends everybody a few frames, in the same order to each. */
const KEPT = 4

const FINAL_BINARY = 0x82

interface Framed {
  readonly payload: Uint8Array
  readonly chunks: readonly Uint8Array[]
}

export class SharedFrames {
  /** The latest, the oldest overwritten first. */
  readonly #kept: (Framed | undefined)[] = new Array(KEPT).fill(undefined)
  #next = 0

  /** The frame as the chunks to be written, in order. */
  of(payload: Uint8Array): readonly Uint8Array[] {
    for (const framed of this.#kept) if (framed?.payload === payload) return framed.chunks
    if (payload.length > MAX_COPIED_BYTES) return [header(payload.length), payload]
    const chunks = [joined(payload)]
    this.#kept[this.#next] = { payload, chunks }
    this.#next = (this.#next + 1) % KEPT
    return chunks
  }
}

const headerBytes = (length: number): number => {
  if (length < 126) return 2
  return length < 0x1_00_00 ? 4 : 10
}

const header = (length: number): Buffer => writeHeader(Buffer.allocUnsafe(headerBytes(length)), length)

const joined = (payload: Uint8Array): Buffer => {
  const start = headerBytes(payload.length)
  const frame = Buffer.allocUnsafe(start + payload.length)
  frame.set(payload, start)
  return writeHeader(frame, payload.length)
}

const writeHeader = (frame: Buffer, length: number): Buffer => {
  frame[0] = FINAL_BINARY
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
