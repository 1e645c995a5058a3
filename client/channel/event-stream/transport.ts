/**
 * The transport for networks that break WebSockets: frames come down as events of a streamed answer, or of answers
 * that end and are asked for again, and go up in POSTs. It ends once: by the server's word, ours, or 1006.
 */
import { PlenumError } from '../../../shared/errors.js'
import {
  BEARER_PREFIX,
  DELIVERY_PARAMETER,
  DELIVERY_POLL,
  decodeServerMessage,
  EVENT_STREAM_TYPE,
  MAX_SHARED_BODY_BYTES,
  MESSAGE,
  POLL_HEADER,
  parseStreamClosed,
  parseStreamOpened,
  RESUME_PARAMETER,
  STREAM_EVENT,
  SUBPROTOCOL_PLENUM,
} from '../../../shared/protocol/index.js'
import { type Clock, systemClock } from '../clock.js'
import type { Close } from '../connection-closed.js'
import { patiently, watchSilence } from '../patience.js'
import type { OpenTransport, Transport, TransportEvents, TransportTarget } from '../transport.js'
import { readRefusal } from './http-refusal.js'
import { EventParser, type StreamEvent } from './parse-events.js'
import { PostLane, sessionHeaders } from './post-lane.js'

export interface EventStreamOptions {
  /** `poll`: for whatever on the way holds back what has not ended. */
  readonly delivery?: 'stream' | 'poll'
  readonly clock?: Clock | undefined
  /** By default the global one of the moment of connecting. */
  readonly fetch?: typeof fetch | undefined
  /** The server gave a sign of life and nothing else. */
  readonly onPing?: () => void
}

const LOST = 1006
const MAX_SILENT_BEATS = 2
/** How long what was sent before may take to go out after the end. */
const FAREWELL_MS = 10_000

/** @throws bad_request where there is no `fetch`; TypeError for a target that cannot be used */
export const eventStreamTransport =
  (options: EventStreamOptions = {}): OpenTransport =>
  (target, events) =>
    new EventStream(options, target, events)

/** The answer to a request was another than the wanted one. */
class Refused extends Error {
  readonly close: Close

  constructor(close: Close) {
    super(close.reason)
    this.close = close
  }
}

class EventStream implements Transport {
  readonly protocol = SUBPROTOCOL_PLENUM
  readonly door
  readonly #options: EventStreamOptions
  readonly #events: TransportEvents
  readonly #fetch: typeof fetch
  readonly #clock: Clock
  readonly #url: URL
  readonly #token: string | null
  readonly #abort = new AbortController()
  readonly #parser = new EventParser()
  #lane: PostLane | null = null
  #session: string | null = null
  #heardMs = 0
  #pings = 0
  #isStalled = false
  #isClosing = false
  #isOver = false
  #cancelWatch = (): void => {}

  constructor(options: EventStreamOptions, { url, protocols }: TransportTarget, events: TransportEvents) {
    this.#options = options
    this.#events = events
    this.door = options.delivery === 'poll' ? ('event-stream-poll' as const) : ('event-stream' as const)
    this.#clock = options.clock ?? systemClock
    const request = options.fetch ?? globalThis.fetch
    if (request === undefined) throw new PlenumError('bad_request', 'there is no fetch here')
    // A browser's `fetch` wants to be called as a function of its window.
    this.#fetch = (input, init) => request(input, init)
    this.#url = new URL(url)
    this.#url.protocol = this.#url.protocol.replace(/^ws/, 'http')
    const bearer = protocols.find(protocol => protocol.startsWith(BEARER_PREFIX))
    this.#token = bearer?.slice(BEARER_PREFIX.length) ?? null
    sessionHeaders(null, this.#token)
    void this.#run()
  }

  get bufferedBytes(): number {
    return this.#lane?.bufferedBytes ?? 0
  }

  get isStalled(): boolean {
    return this.#isStalled
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#isClosing) this.#lane?.send(frame)
  }

  close(code: number, reason: string): void {
    if (this.#isClosing || this.#isOver) return
    this.#isClosing = true
    this.#cancelWatch()
    void this.#sayFarewell({ code, reason })
  }

  async #sayFarewell(close: Close): Promise<void> {
    // The end is told later, as a WebSocket's is.
    await undefined
    const lane = this.#lane
    if (lane !== null) {
      const cancel = patiently(this.#clock, FAREWELL_MS, () => lane.cut())
      await lane.close()
      cancel()
      this.#leave(lane.token)
    }
    this.#end(close)
  }

  /** Without it the server would wait for a sign of life. */
  #leave(token: string | null): void {
    const headers = sessionHeaders(this.#session, token)
    const unanswered = new AbortController()
    // A network that swallows it must not keep a process from ending.
    const cancel = patiently(this.#clock, FAREWELL_MS, () => unanswered.abort())
    const init = { method: 'DELETE', headers, keepalive: true, signal: unanswered.signal }
    this.#fetch(this.#sessionUrl(), init)
      .catch(() => {})
      .finally(cancel)
  }

  async #run(): Promise<void> {
    // Nothing is told before whoever opened it knows it.
    await undefined
    try {
      if (this.#options.delivery === 'poll') await this.#poll()
      else await this.#read(await this.#get(this.#url.href, sessionHeaders(null, this.#token)))
      this.#lose('the stream ended')
    } catch (error) {
      if (error instanceof Refused) this.#fail(error.close)
      else if (error instanceof PlenumError) this.#fail({ code: error.facts.close, reason: error.message })
      else this.#lose('')
    }
  }

  async #poll(): Promise<void> {
    for (let number = 1; !this.#isOver && !this.#isClosing; number++) {
      const url = number === 1 ? new URL(this.#url) : new URL(this.#sessionUrl())
      url.searchParams.set(DELIVERY_PARAMETER, DELIVERY_POLL)
      const headers = sessionHeaders(this.#session, this.#lane?.token ?? this.#token)
      if (number > 1) headers.set(POLL_HEADER, String(number))
      await this.#read(await this.#get(url.href, headers))
      if (this.#session === null) throw new Refused({ code: LOST, reason: 'no session' })
    }
  }

  async #get(url: string, headers: Headers): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    headers.set('accept', EVENT_STREAM_TYPE)
    const { signal } = this.#abort
    const response = await this.#fetch(url, { headers, signal, cache: 'no-store' })
    const isStream = response.headers.get('content-type')?.startsWith(EVENT_STREAM_TYPE) ?? false
    if (!response.ok || !isStream || response.body === null) {
      throw new Refused((await readRefusal(response)).close)
    }
    return response.body
  }

  async #read(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const reader = body.getReader()
    const decoder = new TextDecoder()
    while (!this.#isOver) {
      const { done, value } = await reader.read()
      if (done) return
      this.#heardMs = this.#clock.now()
      for (const event of this.#parser.feed(decoder.decode(value, { stream: true }))) this.#take(event)
    }
  }

  /** @throws malformed */
  #take({ name, data }: StreamEvent): void {
    if (this.#isOver || this.#isClosing) return
    switch (name) {
      case STREAM_EVENT.open:
        if (this.#lane === null) this.#open(data)
        return
      case STREAM_EVENT.ping:
        this.#pings++
        // Whoever polls answers by the next poll.
        if (this.#options.delivery !== 'poll') this.#lane?.answer()
        this.#options.onPing?.()
        return
      case STREAM_EVENT.close:
        this.#fail(parseStreamClosed(data))
        return
      case '':
        this.#receive(data)
        return
      default:
        // Of a later server.
        return
    }
  }

  #open(data: string): void {
    const { session, beatMs } = parseStreamOpened(data)
    this.#session = session
    this.#lane = new PostLane({
      fetch: this.#fetch,
      url: this.#sessionUrl(),
      clock: this.#clock,
      session,
      token: this.#token,
      onFailed: close => this.#fail(close),
    })
    this.#cancelWatch = watchSilence({
      clock: this.#clock,
      limitMs: MAX_SILENT_BEATS * beatMs,
      silentMs: () => this.#clock.now() - this.#heardMs,
      onSilent: () => {
        this.#isStalled = this.#pings === 0
        this.#fail({ code: LOST, reason: 'no sign of life' })
      },
    })
    this.#events.opened()
  }

  #receive(data: string): void {
    if (this.#lane === null)
      throw new PlenumError('malformed', 'malformed stream: a frame before the opening')
    const frame = fromBase64(data)
    if (frame[0] === MESSAGE.welcome) {
      const welcome = decodeServerMessage(frame)
      if (welcome.type === 'welcome')
        this.#lane.maxBodyBytes = Math.min(welcome.limits.maxFrameBytes, MAX_SHARED_BODY_BYTES)
    }
    this.#events.frame(frame.buffer)
  }

  /** Where the session's later requests go: a point to go on from is of its beginning. */
  #sessionUrl(): string {
    const url = new URL(this.#url)
    url.searchParams.delete(RESUME_PARAMETER)
    return url.href
  }

  /** What is over before anything of ours could get through came as a whole: it was held back until its end. */
  #lose(reason: string): void {
    this.#isStalled = this.#lane?.hasArrived === false
    this.#fail({ code: LOST, reason })
  }

  /** It ended by itself. */
  #fail(close: Close): void {
    if (!this.#isClosing) this.#end(close)
  }

  #end(close: Close): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWatch()
    this.#lane?.cut()
    this.#abort.abort()
    this.#events.closed(close)
  }
}

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => {
  try {
    const binary = atob(text)
    const bytes = new Uint8Array(binary.length)
    for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
    return bytes
  } catch (cause) {
    throw new PlenumError('malformed', 'malformed stream: a frame is no base64', { cause })
  }
}
