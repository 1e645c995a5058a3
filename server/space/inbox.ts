/** Document messages of one space that wait for its next turn, bounded: beyond it their senders are not read. */
import type { Inbound } from './session.js'

export class Inbox {
  readonly #maxBytes: number
  /**
   * Null while there are none: a list that waits empty is old when a message comes, and the collector is slow to
   * free what an old object held.
   */
  #messages: Inbound[] | null = null
  #bytes = 0
  #room: { readonly opened: Promise<void>; open(): void } | null = null

  constructor(options: { readonly maxBytes: number }) {
    this.#maxBytes = options.maxBytes
  }

  get isEmpty(): boolean {
    return this.#messages === null
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns a promise while the sender should not be read from */
  put(message: Inbound): void | Promise<void> {
    if (this.#messages === null) this.#messages = [message]
    else this.#messages.push(message)
    this.#bytes += message.update.length
    if (this.#bytes > this.#maxBytes) return this.#whenRoom()
  }

  /** The oldest messages, in order. */
  take(atMost: number): Inbound[] {
    const batch = this.#messages ?? []
    this.#messages = batch.length > atMost ? batch.splice(atMost) : null
    for (const { update } of batch) this.#bytes -= update.length
    if (this.#bytes <= this.#maxBytes) this.#openRoom()
    return batch
  }

  /** Drops everything; nobody waits any more. */
  clear(): void {
    this.#messages = null
    this.#bytes = 0
    this.#openRoom()
  }

  #whenRoom(): Promise<void> {
    if (this.#room === null) {
      let open = (): void => {}
      const opened = new Promise<void>(resolve => {
        open = resolve
      })
      this.#room = { opened, open }
    }
    return this.#room.opened
  }

  #openRoom(): void {
    this.#room?.open()
    this.#room = null
  }
}
