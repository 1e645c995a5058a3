/**
 * Entries that go to many connections at once: encoded once, joined once, and for a connection that is not to
 * be sent one of them the same bytes around it.
 */
import { type AwarenessEntry, awarenessMessage, entryBytes, writeEntry } from './awareness-codec.js'

export class AwarenessBatch {
  readonly #count: number
  readonly #body: Uint8Array
  readonly #places = new Map<number, { readonly start: number; readonly end: number }>()
  #whole: Uint8Array | null = null

  /** @param entries one of each client; their bytes are copied */
  constructor(entries: readonly AwarenessEntry[]) {
    let length = 0
    for (const entry of entries) {
      const start = length
      length += entryBytes(entry)
      this.#places.set(entry.clientId, { start, end: length })
    }
    this.#count = entries.length
    this.#body = new Uint8Array(length)
    let at = 0
    for (const entry of entries) at = writeEntry(this.#body, at, entry)
  }

  /** Of all entries. */
  get bytes(): number {
    return this.#body.length
  }

  /** The message for whoever has this clientID; null where nothing is left to say. Shared where it can be. */
  messageFor(clientId: number | null): Uint8Array | null {
    const own = clientId === null ? undefined : this.#places.get(clientId)
    const count = own === undefined ? this.#count : this.#count - 1
    if (count === 0) return null
    const body = this.#body
    if (own !== undefined) {
      return awarenessMessage(count, [body.subarray(0, own.start), body.subarray(own.end)])
    }
    this.#whole ??= awarenessMessage(count, [body])
    return this.#whole
  }
}
