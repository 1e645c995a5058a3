/**
 * A light client without a document: says on the wire what a stock one says (step 1, an answer to step 1, its
 * awareness, echoes, renewals), and hands what it receives to its room.
 */
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Dialect } from '../dialects/dialect.js'
import {
  AWARENESS,
  awarenessMessage,
  EMPTY_STATE_VECTOR,
  EMPTY_UPDATE,
  STEP_1,
  STEP_2,
  SYNC,
  step1,
  step2,
  syncContent,
} from './messages.js'
import type { AwarenessFrames, PresenceEcho } from './presence-echo.js'

export interface LoadClientOptions {
  readonly address: { readonly url: string; readonly protocols: readonly string[] }
  readonly dialect: Dialect
  readonly space: string
  readonly clientId: number
  /** Its own state, JSON; null for a client that announces nothing. */
  readonly state: string | null
  readonly presence: PresenceEcho
  readonly frames: AwarenessFrames
  /** Whether `permessage-deflate` is offered. */
  readonly isDeflating: boolean
  /** What it has already; nothing without it. */
  readonly stateVector?: () => Uint8Array
  /** What it has beyond what a server has that asks. */
  readonly ownUpdate?: (stateVector: Uint8Array) => Uint8Array
  /** A view of the received frame: copy what is kept. */
  readonly onUpdate: (update: Uint8Array) => void
  /** A frame without a y-protocols message. */
  readonly onOther?: (frame: Uint8Array) => void
}

/** What a provider announces whose app has set nothing; everything else is its second state. */
export const EMPTY_STATE = '{}'

/** Masks are random by the RFC for the sake of proxies; a fixed one costs the load generator nothing. */
const MASK = Buffer.from([0x5a, 0x11, 0xc3, 0x7e])

export class LoadClient {
  readonly clientId: number
  /** When the first step 2 had been read. */
  readonly synced: Promise<void>
  closedWith: { readonly code: number; readonly reason: string } | null = null
  readonly #options: LoadClientOptions
  readonly #socket: WebSocket
  #state: string | null
  #raw: Socket | null = null
  #lastBytesRead = 0

  constructor(options: LoadClientOptions) {
    const { address, clientId, dialect, isDeflating, space, state } = options
    this.#options = options
    this.clientId = clientId
    this.#state = state
    this.#socket = new WebSocket(address.url, [...address.protocols], {
      perMessageDeflate: isDeflating,
      skipUTF8Validation: true,
      generateMask: mask => {
        MASK.copy(mask)
      },
      maxPayload: 0,
    })
    this.#socket.on('upgrade', ({ socket }) => {
      this.#raw = socket
    })
    this.#socket.on('open', () => {
      for (const greeting of dialect.greetings(space)) this.#socket.send(greeting)
      if (dialect.asks) this.send(step1(options.stateVector?.() ?? EMPTY_STATE_VECTOR))
      // Ours begin at a clock at which they are seen.
      if (this.#state === EMPTY_STATE && dialect.needsRenewals) this.#tell(EMPTY_STATE)
      else if (this.#state !== null) this.announce(this.#state)
    })
    this.synced = new Promise((resolve, reject) => {
      this.#socket.on('message', data => this.#receive(data as Buffer, resolve))
      this.#socket.on('error', reject)
      this.#socket.on('close', (code, reason) => {
        this.closedWith = { code, reason: reason.toString() }
        reject(new Error(`closed with ${code} ${reason} before the first step 2`))
      })
    })
    // Whoever awaits it hears of it.
    this.synced.catch(() => {})
  }

  /** Bytes on the socket so far, the upgrade's among them. */
  get receivedBytes(): number {
    if (this.#raw !== null) this.#lastBytesRead = this.#raw.bytesRead
    return this.#lastBytesRead
  }

  get sentBytes(): number {
    return this.#raw?.bytesWritten ?? 0
  }

  /** Sent, and not taken by the operating system yet. */
  get unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  get isDeflated(): boolean {
    return this.#socket.extensions.includes('permessage-deflate')
  }

  /** Bytes as they are: a frame of an attacker. */
  sendRaw(frame: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame)
  }

  /** A y-protocols message. */
  send(message: Uint8Array): void {
    const { dialect, space } = this.#options
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(dialect.wrap(space, message))
  }

  /** Its own state with the next clock: new, or the same again. @param state JSON */
  announce(state: string): void {
    this.#state = state
    this.#options.presence.advance()
    this.#tell(state)
  }

  /** As a stock client does each 15 s. */
  renew(): void {
    if (this.#state !== null) this.announce(this.#state)
  }

  /** As a provider does that is told to disconnect. */
  close(): void {
    this.#socket.close()
  }

  /** Reads and says nothing any more, while its connection stays open: what a server sees of a stopped process. */
  fallSilent(): void {
    this.#state = null
    this.#socket.pause()
  }

  terminate(): void {
    this.#socket.removeAllListeners('error')
    this.#socket.on('error', () => {})
    this.#socket.terminate()
  }

  #tell(state: string): void {
    const { clientId } = this
    this.send(awarenessMessage([{ clientId, clock: this.#options.presence.own, state }]))
  }

  #receive(frame: Buffer, onSynced: () => void): void {
    const { dialect, space } = this.#options
    const message = dialect.unwrap(frame)
    if (message === null) {
      const answer = dialect.answer(space, frame)
      if (answer !== null) this.#socket.send(answer)
      this.#options.onOther?.(frame)
      return
    }
    if (message[0] === SYNC) {
      if (message[1] === STEP_1) this.#answer(syncContent(message))
      else this.#options.onUpdate(syncContent(message))
      if (message[1] === STEP_2) onSynced()
    } else if (message[0] === AWARENESS) this.#hear(message)
  }

  #answer(stateVector: Uint8Array): void {
    this.send(step2(this.#options.ownUpdate?.(stateVector) ?? EMPTY_UPDATE))
  }

  #hear(message: Uint8Array): void {
    const { dialect, frames, presence } = this.#options
    const echo = presence.hear(frames.read(message), this.#state ?? 'null')
    if (echo !== null && dialect.echoesAwareness) this.send(echo)
  }
}
