/**
 * What stands between clients and a server in networks that break things: it refuses WebSockets, holds back answers
 * that do not end, or cuts connections after as many bytes as the test says. HTTP/1.1 as browsers and Node speak it.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Hostility {
  refusesUpgrades: boolean
  /** An answer to a request for a stream arrives when the server has ended it. */
  holdsBackStreams: boolean
  /** How many bytes to a client a new connection lasts for; null: it lasts. */
  lifeBytes: () => number | null
}

export class HostileProxy implements Hostility {
  refusesUpgrades = false
  holdsBackStreams = false
  lifeBytes: () => number | null = () => null
  /** Upgrades that were refused. */
  refused = 0
  /** Connections that were cut. */
  cut = 0
  readonly #targetPort: number
  readonly #listener: Server
  readonly #sockets = new Set<Socket>()

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#listener = createServer(client => this.#onClient(client))
  }

  static async open(targetPort: number): Promise<HostileProxy> {
    const proxy = new HostileProxy(targetPort)
    proxy.#listener.listen(0, '127.0.0.1')
    await once(proxy.#listener, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  get syncUrl(): string {
    return `ws://127.0.0.1:${this.port}/sync`
  }

  /** Whatever is open ends. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cutAll()
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #onClient(client: Socket): void {
    const server = connect(this.#targetPort, '127.0.0.1')
    let leftBytes = this.lifeBytes()
    let isHolding = false
    let held: Buffer[] = []
    const end = (): void => {
      for (const chunk of held.splice(0)) client.write(chunk)
      client.end()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        end()
      })
    }
    client.on('data', chunk => {
      const head = chunk.toString('latin1')
      if (this.refusesUpgrades && /^upgrade: websocket/im.test(head)) {
        this.refused++
        client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        return
      }
      if (/^[A-Z]+ \//.test(head)) {
        const isStream = /^accept: text\/event-stream/im.test(head) && !head.includes('delivery=poll')
        isHolding = this.holdsBackStreams && isStream
        held = []
      }
      server.write(chunk)
    })
    server.on('data', chunk => {
      if (isHolding) {
        held.push(chunk)
        return
      }
      if (leftBytes === null) {
        client.write(chunk)
        return
      }
      client.write(chunk.subarray(0, leftBytes))
      leftBytes -= chunk.length
      if (leftBytes > 0) return
      this.cut++
      // What was written before still arrives, and then no more, in the middle of whatever it is.
      client.destroySoon()
      server.destroy()
    })
  }
}
