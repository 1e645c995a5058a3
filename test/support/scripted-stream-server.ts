/**
 * The second door as the test plays it, on a real port: event streams, polls and POSTs of one session at a time, and
 * WebSockets that are refused, silent or fine. What goes wrong on the way is told to it beforehand.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  type ClientMessage,
  decodeClientMessage,
  decodeFrames,
  encodeMessage,
  PROBE_FRAME,
  type ServerMessage,
  SUBPROTOCOL_PROBE,
} from '../../shared/protocol/index.js'
import { WELCOME } from './scripted-server.js'
import { until } from './until.js'

export interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** Of a POST. */
  readonly frames: number
}

/** What becomes of a POST: handled, lost on its way, handled with the answer lost, or answered otherwise. */
export type PostFate = 'handled' | 'lost' | 'answer-lost' | { readonly status: number; readonly body: string }

/** What becomes of a WebSocket: refused, open and silent, a welcome; probes are answered, or not. */
export type SocketFate = 'refused' | 'silent' | 'welcomed'

export class ScriptedStreamServer {
  readonly requests: RecordedRequest[] = []
  /** What the client has sent, each once. */
  readonly received: ClientMessage[] = []
  readonly sockets: WebSocket[] = []
  /** One per POST; handled where there is none left. */
  readonly fates: PostFate[] = []
  socketFate: SocketFate = 'refused'
  answersProbes = false
  /** Nothing of a stream arrives before its end, which does not come. */
  holdsBack = false
  /** How many of these somebody still waits for. */
  heldBack = 0
  /** Instead of a stream. */
  refusal: { readonly status: number; readonly body: string } | null = null
  greets = true
  beatMs = 15_000
  probes = 0
  probesAnswered = 0
  posting = 0
  mostPosting = 0
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true })
  #session = 0
  #sequence = 0
  #down: ServerResponse | null = null
  #isPolled = false
  #waiting: string[] = []

  private constructor() {
    this.#server = createServer((request, response) => void this.#onRequest(request, response))
    this.#server.on('upgrade', (request, socket, head) => {
      const isProbe = request.headers['sec-websocket-protocol'] === SUBPROTOCOL_PROBE
      if (isProbe) this.probes++
      if (isProbe ? !this.answersProbes : this.socketFate === 'refused') {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, opened => {
        if (isProbe) {
          opened.send(PROBE_FRAME)
          opened.on('message', () => {
            this.probesAnswered++
            opened.close(1000)
          })
        } else {
          this.sockets.push(opened)
          if (this.socketFate === 'welcomed') opened.send(encodeMessage(WELCOME))
        }
      })
    })
  }

  static async open(): Promise<ScriptedStreamServer> {
    const server = new ScriptedStreamServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/sync/demo`
  }

  get session(): string {
    return `s${this.#session}`
  }

  get hasStream(): boolean {
    return this.#down !== null
  }

  requestsOf(method: string): RecordedRequest[] {
    return this.requests.filter(request => request.method === method)
  }

  say(...messages: (ServerMessage | Uint8Array)[]): void {
    for (const message of messages) {
      const frame = message instanceof Uint8Array ? message : encodeMessage(message)
      this.event(`data: ${Buffer.from(frame).toString('base64')}\n\n`)
    }
  }

  ping(): void {
    this.event('event: ping\ndata:\n\n')
  }

  sayClose(code: number, reason: string): void {
    this.event(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`)
  }

  /** Writes text of the stream as it is; what is polled waits for the next one. */
  event(text: string): void {
    if (!this.#isPolled) {
      this.#down?.write(text)
      return
    }
    this.#waiting.push(text)
    this.#answerPoll()
  }

  /** The network fails under the stream. */
  cutStream(): void {
    this.#down?.destroy()
    this.#down = null
  }

  endStream(): void {
    this.#down?.end()
    this.#down = null
  }

  /** Resolves once the client has sent so many messages. */
  untilReceived(count: number): Promise<boolean> {
    return until(`${count} messages`, () => this.received.length >= count)
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.terminate()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on('error', () => {})
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url = '', headers } = request
    const frames = method === 'POST' ? decodeFrames(new Uint8Array(Buffer.concat(chunks))) : []
    this.requests.push({ method, url, headers, frames: frames.length })
    if (method === 'GET') this.#onGet(request, response)
    else if (method === 'POST') await this.#onPost(Number(headers['plenum-seq']), frames, response)
    else response.writeHead(204).end()
  }

  #onGet({ url = '', headers }: IncomingMessage, response: ServerResponse): void {
    if (this.refusal !== null) {
      response.writeHead(this.refusal.status, { 'content-type': 'application/json' }).end(this.refusal.body)
      return
    }
    this.#isPolled = url.includes('delivery=poll')
    const isNew = headers['plenum-session'] === undefined
    if (isNew) {
      this.#session++
      this.#sequence = 0
      this.#waiting = []
    }
    if (this.holdsBack && !this.#isPolled) {
      this.heldBack++
      response.on('close', () => this.heldBack--)
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    this.#down = response
    response.on('close', () => {
      if (this.#down === response) this.#down = null
    })
    if (isNew) {
      const opened = { session: this.session, beatMs: this.beatMs }
      this.event(`event: open\ndata: ${JSON.stringify(opened)}\n\n`)
      if (this.greets) this.say(WELCOME)
    } else this.#answerPoll()
  }

  #answerPoll(): void {
    if (this.#down === null || this.#waiting.length === 0) return
    this.#down.end(this.#waiting.splice(0).join(''))
    this.#down = null
  }

  async #onPost(number: number, frames: Uint8Array[], response: ServerResponse): Promise<void> {
    const fate = this.fates.shift() ?? 'handled'
    this.posting++
    this.mostPosting = Math.max(this.mostPosting, this.posting)
    // Whoever sends the next before this is answered would be seen.
    await new Promise(setImmediate)
    this.posting--
    if (fate === 'lost') {
      response.destroy()
    } else if (typeof fate === 'object') {
      response.writeHead(fate.status, { 'content-type': 'application/json' }).end(fate.body)
    } else if (number > this.#sequence + 1) {
      const body = { code: 'out_of_order', message: 'out of order', retryable: true }
      response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    } else {
      if (number === this.#sequence + 1) {
        this.#sequence = number
        for (const frame of frames) this.received.push(decodeClientMessage(frame))
      }
      if (fate === 'answer-lost') response.destroy()
      else response.writeHead(204).end()
    }
  }
}
