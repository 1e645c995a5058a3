/**
 * Payloads as events of a text stream: base64 behind `data:`. A payload that is sent to one stream after the other is
 * put into words once; what is returned is shared and must not be changed.
 */

/** Larger ones are rare, and not worth keeping. */
const MAX_KEPT_BYTES = 256 * 1024
/** A turn sends everybody a few frames, in the same order to each. */
const KEPT = 4

const START = Buffer.from('data: ')
const END = Buffer.from('\n\n')

export class SharedEvents {
  /** The latest, the oldest overwritten first. */
  readonly #kept: ({ readonly payload: Uint8Array; readonly event: Buffer } | undefined)[] = new Array(
    KEPT,
  ).fill(undefined)
  #next = 0

  of(payload: Uint8Array): Buffer {
    for (const kept of this.#kept) if (kept?.payload === payload) return kept.event
    const event = eventOf(payload)
    if (payload.length <= MAX_KEPT_BYTES) {
      this.#kept[this.#next] = { payload, event }
      this.#next = (this.#next + 1) % KEPT
    }
    return event
  }
}

/** An event with a name; the data has no line breaks. */
export const namedEvent = (name: string, data = ''): Buffer =>
  Buffer.from(`event: ${name}\ndata:${data === '' ? '' : ' '}${data}\n\n`)

const eventOf = (payload: Uint8Array): Buffer => {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const event = Buffer.allocUnsafe(START.length + Math.ceil(payload.length / 3) * 4 + END.length)
  event.set(START)
  const end = START.length + event.write(bytes.toString('base64'), START.length, 'latin1')
  event.set(END, end)
  return event
}
