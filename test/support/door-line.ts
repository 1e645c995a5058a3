/** One connection by frames, whatever the door: what tests of all doors open, and what they may do with it. */
import { WebSocket } from 'ws'
import { ERRORS, type ErrorCode } from '../../shared/errors.js'
import { codeOf, StreamClient } from './stream-client.js'

export interface LineOptions {
  readonly port: number
  /** Begins with `/`. */
  readonly target: string
  readonly token: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** Whether it answers pings; it does by default. */
  readonly isAnswering?: boolean
}

export interface DoorLine {
  readonly frames: readonly Uint8Array[]
  readonly pings: number
  /** The close code that it ended with; where it was refused over HTTP, the one of the same refusal. */
  readonly ended: Promise<number>
  /** In order. */
  send(...frames: Uint8Array[]): void
  /** Says that it goes, once what it sent is out. */
  leave(): void
  /** Vanishes. */
  terminate(): void
  /** Stops taking what comes, until `resume`. */
  pause(): void
  resume(): void
}

export interface DoorUnderTest {
  readonly name: string
  /** A line that is under way. */
  open(options: LineOptions): DoorLine
}

class WebSocketLine implements DoorLine {
  readonly frames: Uint8Array[] = []
  pings = 0
  readonly ended: Promise<number>
  readonly #socket: WebSocket
  readonly #isOpen: Promise<void>

  constructor({ port, target, token, headers = {}, isAnswering = true }: LineOptions) {
    const protocols = ['plenum.v1', ...(token === null ? [] : [`bearer.${token}`])]
    const options = { headers, autoPong: isAnswering }
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, protocols, options)
    this.#socket.on('error', () => {})
    this.#socket.on('message', data => this.frames.push(data as Buffer))
    this.#socket.on('ping', () => {
      this.pings++
    })
    this.ended = new Promise(resolve => this.#socket.on('close', resolve))
    this.#isOpen = new Promise(resolve => this.#socket.on('open', () => resolve()))
  }

  send(...frames: Uint8Array[]): void {
    void this.#isOpen.then(() => {
      for (const frame of frames) this.#socket.send(frame)
    })
  }

  leave(): void {
    void this.#isOpen.then(() => this.#socket.close())
  }

  terminate(): void {
    this.#socket.terminate()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

class StreamLine implements DoorLine {
  readonly ended: Promise<number>
  readonly #client: StreamClient
  #sent: Promise<unknown>

  constructor({ isAnswering = true, ...options }: LineOptions, delivery: 'stream' | 'poll') {
    this.#client = new StreamClient({ ...options, delivery })
    this.#client.isAnswering = isAnswering
    if (!isAnswering && delivery === 'poll') this.#client.pollsAtMost = 2
    this.#sent = this.#client.untilOpen()
    this.ended = this.#client.ended.then(ending =>
      ending.type === 'refused' ? ERRORS[codeOf(ending.answer) as ErrorCode].close : ending.code,
    )
  }

  get frames(): readonly Uint8Array[] {
    return this.#client.frames
  }

  get pings(): number {
    return this.#client.events.filter(({ name }) => name === 'ping').length
  }

  send(...frames: Uint8Array[]): void {
    this.#sent = this.#sent.then(() => this.#client.send(...frames)).catch(() => {})
  }

  leave(): void {
    void this.#sent.then(() => this.#client.leave()).catch(() => {})
  }

  terminate(): void {
    this.#client.terminate()
  }

  pause(): void {
    this.#client.pause()
  }

  resume(): void {
    this.#client.resume()
  }
}

export const WEBSOCKET: DoorUnderTest = { name: 'websocket', open: options => new WebSocketLine(options) }

export const EVENT_STREAM: DoorUnderTest = {
  name: 'event stream',
  open: options => new StreamLine(options, 'stream'),
}

export const POLLED_EVENT_STREAM: DoorUnderTest = {
  name: 'polled event stream',
  open: options => new StreamLine(options, 'poll'),
}
