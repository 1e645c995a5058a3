/** Events as one answer that does not end. What one tick writes leaves in one system call. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { unsentBytes } from '../unsent.js'
import { DELIVERY_HEADERS, type Delivery, type Receiver } from './delivery.js'

export class StreamDelivery implements Delivery {
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #receiver: Receiver
  #isOver = false

  /** @param socket the answer's own: no other answer is before it */
  constructor(response: ServerResponse, socket: Socket, headers: OutgoingHttpHeaders, receiver: Receiver) {
    this.#response = response
    this.#socket = socket
    this.#receiver = receiver
    response.on('error', () => {})
    response.on('close', this.#onClosed)
    socket.on('drain', this.#onDrained)
    socket.on('end', this.#onGone)
    response.writeHead(200, { ...DELIVERY_HEADERS, ...headers })
  }

  get unsentBytes(): number {
    return unsentBytes(this.#socket)
  }

  get travellingBytes(): number {
    return this.unsentBytes
  }

  get takenBytes(): number {
    return this.#socket.bytesWritten - this.unsentBytes
  }

  write(events: Buffer): void {
    if (this.#isOver) return
    // Its head, its length and itself leave in one write, now and not at the end of the tick.
    this.#socket.cork()
    this.#response.write(events)
    this.#socket.uncork()
  }

  end(last: Buffer | null): void {
    if (this.#isOver) return
    if (last !== null) this.write(last)
    this.#isOver = true
    this.#response.end()
  }

  destroy(): void {
    this.#isOver = true
    this.#response.destroy()
  }

  readonly #onDrained = (): void => this.#receiver.drained()

  readonly #onGone = (): void => this.#receiver.gone()

  // The socket may go on to other requests.
  readonly #onClosed = (): void => {
    this.#isOver = true
    this.#socket.off('drain', this.#onDrained)
    this.#socket.off('end', this.#onGone)
    this.#receiver.gone()
    this.#receiver.closed()
  }
}
