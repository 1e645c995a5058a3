/** A network that does not let everything through, between a client and a server, and that can be cut. */
import { once } from 'node:events'
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as requestOf,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** `mute`: an upgrade is never answered. `buffering`: no upgrades, and an answer is passed on when it has ended. */
export type ProxyManner = 'open' | 'refusing' | 'mute' | 'buffering'

export class BreakingProxy {
  manner: ProxyManner
  readonly #targetPort: number
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()
  #isDown = false

  private constructor(targetPort: number, manner: ProxyManner) {
    this.manner = manner
    this.#targetPort = targetPort
    this.#server = createServer((request, response) => this.#forward(request, response))
    this.#server.on('connection', socket => this.#hold(socket))
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  static async open(targetPort: number, manner: ProxyManner = 'open'): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(targetPort, manner)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Every connection ends, wherever it is; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Every connection ends, and new ones do at once, until `restore`. */
  goDown(): void {
    this.#isDown = true
    this.cut()
  }

  restore(): void {
    this.#isDown = false
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  /** A socket to the server may serve several requests. */
  #hold(socket: Duplex): void {
    if (this.#isDown) {
      socket.destroy()
      return
    }
    if (this.#sockets.has(socket)) return
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request
    const upstream = requestOf({ port: this.#targetPort, host: '127.0.0.1', method, path: url, headers })
    upstream.on('socket', socket => this.#hold(socket))
    upstream.on('error', () => response.destroy())
    upstream.on('response', answer => void this.#answer(answer, response))
    response.on('close', () => upstream.destroy())
    request.pipe(upstream as ClientRequest)
  }

  async #answer(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    answer.on('error', () => response.destroy())
    if (this.manner !== 'buffering') {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.pipe(response)
      return
    }
    const parts = await answer.toArray().catch(() => null)
    if (parts === null) return
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.end(Buffer.concat(parts as Buffer[]))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.manner === 'mute') return
    if (this.manner !== 'open') {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const upstream = connect(this.#targetPort, '127.0.0.1')
    this.#hold(upstream)
    const lines = [`${request.method} ${request.url} HTTP/1.1`]
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`)
    }
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    upstream.pipe(socket).pipe(upstream)
    upstream.once('close', () => socket.destroy())
    socket.once('close', () => upstream.destroy())
  }
}
