/**
 * A WebSocket-shaped class over one attempt to reach a space: it opens once the server's welcome has passed the
 * incarnation guard, and its owner sees stock messages only. Whoever owns several in a row, as a y-websocket
 * provider does, gets the reconnect policy with them: an attempt begins when its time has come.
 */
import { PlenumError } from '../../shared/errors.js'
import type { Close } from './connection-closed.js'
import type { Attempt, Dialer } from './dialer.js'
import type { Door } from './door-choice.js'
import { throwUncaught } from './emitter.js'

export interface ChannelEvents {
  open: { readonly type: 'open'; readonly target: Channel }
  message: { readonly type: 'message'; readonly target: Channel; readonly data: ArrayBuffer }
  /** `error`: what went wrong, where it was on this side. Always followed by `close`. */
  error: { readonly type: 'error'; readonly target: Channel; readonly error: unknown }
  close: {
    readonly type: 'close'
    readonly target: Channel
    readonly code: number
    readonly reason: string
    readonly wasClean: boolean
  }
}

type Listener<Name extends keyof ChannelEvents> = ((event: ChannelEvents[Name]) => void) | null

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const
const LOST = 1006

export class Channel {
  static readonly CONNECTING = CONNECTING
  static readonly OPEN = OPEN
  static readonly CLOSING = CLOSING
  static readonly CLOSED = CLOSED
  readonly CONNECTING = CONNECTING
  readonly OPEN = OPEN
  readonly CLOSING = CLOSING
  readonly CLOSED = CLOSED
  readonly url: string
  readonly extensions = ''
  /** The only type that there is; setting another changes nothing. */
  binaryType: BinaryType = 'arraybuffer'
  onopen: Listener<'open'> = null
  onmessage: Listener<'message'> = null
  onerror: Listener<'error'> = null
  onclose: Listener<'close'> = null
  readonly #dialer: Dialer
  readonly #attempt: Attempt
  readonly #listeners: { [Name in keyof ChannelEvents]?: Set<NonNullable<Listener<Name>>> } = {}
  #readyState: 0 | 1 | 2 | 3 = CONNECTING
  #protocol = ''

  constructor(dialer: Dialer, url: string | URL, protocols: string | readonly string[] = []) {
    this.url = String(url)
    this.#dialer = dialer
    const channel = this
    this.#attempt = {
      url: this.url,
      protocols: typeof protocols === 'string' ? [protocols] : protocols,
      get isHeld() {
        return channel.onclose !== null || (channel.#listeners.close?.size ?? 0) > 0
      },
      opened: protocol => {
        this.#readyState = OPEN
        this.#protocol = protocol
        this.#dispatch('open', { type: 'open', target: this })
      },
      frame: data => this.#dispatch('message', { type: 'message', target: this, data }),
      ended: (close, cause) => this.#ended(close, cause),
      gone: close => this.#closed(close),
    }
    dialer.begin(this.#attempt)
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState
  }

  /** The subprotocol that the server selected; empty before `open`. */
  get protocol(): string {
    return this.#protocol
  }

  /** Which way it goes; null unless it is open. */
  get door(): Door | null {
    return this.#readyState === OPEN ? this.#dialer.door : null
  }

  get bufferedAmount(): number {
    return this.#readyState === OPEN ? this.#dialer.bufferedBytes : 0
  }

  /** Document messages sent on this connection; 0 before it is open and after. */
  get sentMessages(): number {
    const { link } = this.#dialer.conversation.ledger
    return this.#readyState === OPEN && 'sent' in link ? link.sent : 0
  }

  /** Of these, how many the server has made durable, or found to need no effect. */
  get savedMessages(): number {
    const { link } = this.#dialer.conversation.ledger
    return this.#readyState === OPEN && 'acked' in link ? link.acked : 0
  }

  /** @throws bad_request before `open`, and for text; after the end it does nothing, as a WebSocket does */
  send(data: ArrayBuffer | ArrayBufferView | string | Blob): void {
    if (this.#readyState === CONNECTING)
      throw new PlenumError('bad_request', 'sent before the channel was open')
    if (this.#readyState !== OPEN) return
    this.#dialer.send(bytesOf(data))
  }

  /** Idempotent. What was sent before still goes out. */
  close(code = 1000, reason = ''): void {
    if (this.#readyState >= CLOSING) return
    const wasOpen = this.#readyState === OPEN
    this.#readyState = CLOSING
    const isFollowed = this.#dialer.release(this.#attempt, { code, reason })
    // Nothing is under way; the event comes later all the same, as a WebSocket's does.
    if (!isFollowed) queueMicrotask(() => this.#closed({ code: wasOpen ? code : LOST, reason }))
  }

  addEventListener<Name extends keyof ChannelEvents>(
    name: Name,
    listener: NonNullable<Listener<Name>>,
  ): void {
    const listeners: Set<NonNullable<Listener<Name>>> = this.#listeners[name] ?? new Set()
    Object.assign(this.#listeners, { [name]: listeners })
    listeners.add(listener)
  }

  removeEventListener<Name extends keyof ChannelEvents>(
    name: Name,
    listener: NonNullable<Listener<Name>>,
  ): void {
    this.#listeners[name]?.delete(listener)
  }

  #ended(close: Close, cause: unknown): void {
    if (close.code === LOST || cause !== undefined) {
      this.#dispatch('error', { type: 'error', target: this, error: cause })
    }
    this.#closed(close)
  }

  #closed({ code, reason }: Close): void {
    if (this.#readyState === CLOSED) return
    this.#readyState = CLOSED
    this.#dispatch('close', { type: 'close', target: this, code, reason, wasClean: code !== LOST })
  }

  /** A listener that throws stops nobody: its error surfaces as an uncaught one. */
  #dispatch<Name extends keyof ChannelEvents>(name: Name, event: ChannelEvents[Name]): void {
    const handler = this[`on${name}`] as Listener<Name>
    for (const listener of [handler, ...(this.#listeners[name] ?? [])]) {
      try {
        listener?.(event)
      } catch (error) {
        throwUncaught(error)
      }
    }
  }
}

const bytesOf = (data: ArrayBuffer | ArrayBufferView | string | Blob): Uint8Array<ArrayBuffer> => {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
  }
  throw new PlenumError('bad_request', 'only binary messages are part of the protocol')
}
