/**
 * A client of the second door as a program would write it: it reads events from a stream or from polls, and sends what
 * the test says, in its order or out of it.
 */
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { encodeFrames } from '../../shared/protocol/index.js'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface RequestOptions {
  readonly method: string
  readonly port: number
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Resolves with the head of the answer. */
const send = ({ method, port, target, headers = {}, body }: RequestOptions, agent?: Agent) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path: target, headers, ...(agent && { agent }) }
    const request = httpRequest(options, resolve)
    request.on('error', reject)
    request.end(body)
  })

const textOf = async (response: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

/** One request and its whole answer. */
export const ask = async (options: RequestOptions): Promise<Answer> => {
  const response = await send(options)
  const body = await textOf(response)
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

export const codeOf = ({ body }: Answer): string => (JSON.parse(body) as { code: string }).code

export interface StreamEvent {
  readonly name: string
  readonly data: string
}

export interface StreamClientOptions {
  readonly port: number
  /** Begins with `/`. */
  readonly target: string
  readonly token: string | null
  readonly delivery?: 'stream' | 'poll'
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal, or the code that it was closed with; 1006 where it only ended. */
export type StreamEnding =
  | { readonly type: 'refused'; readonly answer: Answer }
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }

export class StreamClient {
  readonly events: StreamEvent[] = []
  readonly headers: Promise<IncomingHttpHeaders>
  readonly ended: Promise<StreamEnding>
  /** Whether a ping is answered, as clients do. */
  isAnswering = true
  /** After so many it asks no more, and stays. */
  pollsAtMost = Number.POSITIVE_INFINITY
  session = ''
  sequence = 0
  /** The stream's. */
  socket: Socket | null = null
  readonly #options: StreamClientOptions
  readonly #agent = new Agent({ keepAlive: true })
  #text = ''
  #response: IncomingMessage | null = null
  #isOver = false
  #isPolling = true
  #goOn = (): void => {}
  #posting: Promise<unknown> = Promise.resolve()
  #onEvent: (() => void)[] = []
  #onHeaders: (headers: IncomingHttpHeaders) => void = () => {}

  constructor(options: StreamClientOptions) {
    this.#options = options
    this.headers = new Promise(resolve => {
      this.#onHeaders = resolve
    })
    this.ended = this.#run()
  }

  get frames(): Uint8Array[] {
    return this.events.filter(({ name }) => name === '').map(({ data }) => Buffer.from(data, 'base64'))
  }

  async untilEvents(isEnough: (client: this) => boolean): Promise<void> {
    while (!isEnough(this)) await new Promise<void>(resolve => this.#onEvent.push(resolve))
  }

  untilOpen(): Promise<void> {
    return this.untilEvents(({ session }) => session !== '')
  }

  /** In order, one POST after the other. */
  send(...frames: Uint8Array[]): Promise<Answer> {
    const answer = this.#posting.then(() => this.post(++this.sequence, encodeFrames(frames)))
    this.#posting = answer.catch(() => {})
    return answer
  }

  /** Any number, any body. */
  post(number: number | string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask('POST', { 'plenum-seq': String(number), ...headers }, body)
  }

  leave(): Promise<Answer> {
    return this.#ask('DELETE', {})
  }

  poll(number: number): Promise<Answer> {
    return this.#ask('GET', { 'plenum-poll': String(number), accept: 'text/event-stream' })
  }

  /** Stops reading the stream, or asking for more. */
  pause(): void {
    this.#isPolling = false
    if (this.#options.delivery !== 'poll') this.#response?.pause()
  }

  resume(): void {
    this.#isPolling = true
    this.#goOn()
    if (this.#options.delivery !== 'poll') this.#response?.resume()
  }

  /** Vanishes. */
  drop(): void {
    this.#isOver = true
    this.#goOn()
    this.socket?.destroy()
    this.#agent.destroy()
  }

  terminate(): void {
    this.drop()
  }

  #ask(method: string, headers: Record<string, string>, body?: Uint8Array): Promise<Answer> {
    const { port, target } = this.#options
    return ask({
      method,
      port,
      target,
      headers: { ...this.#authorization, 'plenum-session': this.session, ...headers },
      ...(body && { body }),
    })
  }

  get #authorization(): Record<string, string> {
    const { token, headers } = this.#options
    return { ...headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) }
  }

  async #run(): Promise<StreamEnding> {
    const isPoll = this.#options.delivery === 'poll'
    const mark = this.#options.target.includes('?') ? '&' : '?'
    try {
      for (let number = 1; !this.#isOver; number++) {
        if (number > this.pollsAtMost) this.#isPolling = false
        while (!this.#isPolling && !this.#isOver) {
          await new Promise<void>(resolve => {
            this.#goOn = resolve
          })
        }
        const response = await send(
          {
            method: 'GET',
            port: this.#options.port,
            target: `${this.#options.target}${isPoll ? `${mark}delivery=poll` : ''}`,
            headers: {
              accept: 'text/event-stream',
              ...this.#authorization,
              ...(number > 1 && { 'plenum-session': this.session, 'plenum-poll': String(number) }),
            },
          },
          this.#agent,
        )
        this.socket = response.socket
        this.#response = response
        this.#onHeaders(response.headers)
        if (response.statusCode !== 200) {
          const answer = { status: response.statusCode ?? 0, headers: response.headers }
          return { type: 'refused', answer: { ...answer, body: await textOf(response) } }
        }
        for await (const chunk of response) this.#read(String(chunk))
        const last = this.events.at(-1)
        if (last?.name === 'close') return { type: 'closed', ...JSON.parse(last.data) }
        if (!isPoll) break
      }
    } catch {}
    return { type: 'closed', code: 1006, reason: '' }
  }

  #read(text: string): void {
    this.#text += text
    // Most pieces of a large event end nothing: it is not looked through again with each of them.
    if (!text.includes('\n')) return
    const parts = this.#text.split('\n\n')
    this.#text = parts.pop()!
    for (const part of parts) {
      const fields = new Map(part.split('\n').map(line => line.split(/: ?(.*)/s, 2) as [string, string]))
      const event = { name: fields.get('event') ?? '', data: fields.get('data') ?? '' }
      this.events.push(event)
      if (event.name === 'open') this.session = (JSON.parse(event.data) as { session: string }).session
      if (event.name === 'ping' && this.isAnswering) this.send().catch(() => {})
    }
    for (const resolve of this.#onEvent.splice(0)) resolve()
  }
}
