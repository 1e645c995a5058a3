/**
 * A network between clients and a server that the test can take away without a word: neither end is told by the
 * proxy, so that each has to find out by itself.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** One connection through the proxy. */
export class ProxyLink {
  readonly #client: Socket
  readonly #server: Socket
  /** Nothing passes any more, and no end is passed on either. */
  #isDead = false

  /** For `TcpProxy`. */
  constructor(client: Socket, server: Socket) {
    this.#client = client
    this.#server = server
    this.#pipe(client, server)
    this.#pipe(server, client)
  }

  /** What goes over it is lost from now on; both ends stay open. */
  swallow(): void {
    this.#isDead = true
  }

  /** The client is cut off at once; only the server still believes in it. */
  cutClient(): void {
    this.swallow()
    this.#client.destroy()
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  #pipe(from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('data', chunk => {
      if (!this.#isDead) to.write(chunk)
    })
    from.on('error', () => {})
    from.on('close', () => {
      if (!this.#isDead) to.destroy()
    })
  }
}

export class TcpProxy {
  readonly #targetPort: number
  readonly #listener: Server
  /** In the order in which they were opened. */
  readonly links: ProxyLink[] = []

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#listener = createServer(client => this.#onClient(client))
  }

  static async open(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort)
    proxy.#listener.listen(0, '127.0.0.1')
    await once(proxy.#listener, 'listening')
    return proxy
  }

  /** What a stock provider takes for its server URL. */
  get syncUrl(): string {
    return `ws://127.0.0.1:${(this.#listener.address() as AddressInfo).port}/sync`
  }

  async close(): Promise<void> {
    for (const link of this.links) link.destroy()
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #onClient(client: Socket): void {
    this.links.push(new ProxyLink(client, connect(this.#targetPort, '127.0.0.1')))
  }
}
