/**
 * What clients of one room were sent, kept once: they are mostly sent the same bytes in the same order, so each
 * client follows the chain that another has made, and a payload is read once however many received it.
 */
import * as Y from 'yjs'

/** The clocks of one client that an update brings: `from` ≤ clock < `to`. */
export interface ClockRange {
  readonly clientId: number
  readonly from: number
  readonly to: number
}

export interface Payload {
  readonly bytes: Uint8Array
  readonly ranges: readonly ClockRange[]
  /** What some client was sent next. */
  readonly next: Payload[]
  /** Of its content, among all of the room. */
  readonly index: number
}

export class Payloads {
  readonly #start: Payload = { bytes: new Uint8Array(0), ranges: [], next: [], index: -1 }
  readonly #known = new Map<string, Payload>()
  readonly #all: Payload[] = []

  /** Where every client begins. */
  get start(): Payload {
    return this.#start
  }

  /** The payload with these bytes that follows another. Copies what it keeps. */
  after(previous: Payload, bytes: Uint8Array): Payload {
    for (const payload of previous.next) if (isEqual(payload.bytes, bytes)) return payload
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    const known = this.#known.get(key) ?? this.#add(key, bytes)
    if (previous.next.length < MAX_FOLLOWERS) previous.next.push(known)
    return known
  }

  at(index: number): Payload {
    return this.#all[index]!
  }

  #add(key: string, bytes: Uint8Array): Payload {
    const payload = {
      bytes: Uint8Array.from(bytes),
      ranges: rangesOf(bytes),
      next: [],
      index: this.#all.length,
    }
    this.#known.set(key, payload)
    this.#all.push(payload)
    return payload
  }
}

const MAX_FOLLOWERS = 8

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0

const rangesOf = (update: Uint8Array): ClockRange[] => {
  const { from, to } = Y.parseUpdateMeta(update)
  return [...from].map(([clientId, clock]) => ({ clientId, from: clock, to: to.get(clientId)! }))
}
