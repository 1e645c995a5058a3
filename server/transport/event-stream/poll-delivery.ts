/**
 * Events as answers that end, one to each poll, for proxies that hold back what has not ended. A poll is held until
 * there is something; between polls events wait. An answer that was cut off is the end: nobody knows what arrived.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { DELIVERY_HEADERS, type Delivery, type Receiver } from './delivery.js'

export class PollDelivery implements Delivery {
  readonly #receiver: Receiver
  #queue: Buffer[] = []
  #queuedBytes = 0
  /** The poll that waits for events. */
  #held: { readonly response: ServerResponse; readonly headers: OutgoingHttpHeaders } | null = null
  /** The answer that is going out. */
  #leaving: ServerResponse | null = null
  /** What all answers so far held. */
  #givenBytes = 0
  #isEnded = false
  #isClosed = false

  constructor(receiver: Receiver) {
    this.#receiver = receiver
  }

  get unsentBytes(): number {
    return this.#queuedBytes + this.travellingBytes
  }

  get travellingBytes(): number {
    return this.#leaving?.writableLength ?? 0
  }

  get takenBytes(): number {
    return this.#givenBytes - this.travellingBytes
  }

  /** Whether a poll is out and not answered to its end. */
  get isBusy(): boolean {
    return this.#held !== null || this.#leaving !== null
  }

  /** The next poll. Only while none is out. */
  hold(response: ServerResponse, headers: OutgoingHttpHeaders): void {
    this.#held = { response, headers }
    response.on('error', () => {})
    response.once('close', () => {
      if (!response.writableFinished) this.#cutOff()
    })
    if (this.#queue.length > 0) this.#answer()
  }

  write(events: Buffer): void {
    if (this.#isEnded) return
    this.#push(events)
    this.#answer()
  }

  end(last: Buffer | null): void {
    if (this.#isEnded) return
    if (last === null) this.#drop()
    else this.#push(last)
    this.#isEnded = true
    this.#answer()
    if (last === null && this.#leaving === null) this.#close()
  }

  destroy(): void {
    this.#isEnded = true
    this.#drop()
    this.#held?.response.destroy()
    this.#leaving?.destroy()
    this.#close()
  }

  #push(events: Buffer): void {
    this.#queue.push(events)
    this.#queuedBytes += events.length
  }

  #drop(): void {
    this.#queue = []
    this.#queuedBytes = 0
  }

  #answer(): void {
    if (this.#held === null) return
    const { response, headers } = this.#held
    const body = Buffer.concat(this.#queue)
    this.#held = null
    this.#drop()
    this.#leaving = response
    this.#givenBytes += body.length
    response.once('finish', () => this.#answered())
    response.writeHead(200, { ...DELIVERY_HEADERS, ...headers, 'Content-Length': body.length })
    response.end(body)
  }

  #answered(): void {
    this.#leaving = null
    if (this.#queue.length > 0) return
    if (this.#isEnded) this.#close()
    else this.#receiver.drained()
  }

  #cutOff(): void {
    this.#isEnded = true
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#receiver.gone()
    this.#receiver.closed()
  }
}
