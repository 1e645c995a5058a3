/** Both doors on a real port, with a real gate and admission, fake spaces and a clock of the test's. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'
import { Admission, type AdmissionLimits } from '../../server/auth/admission.js'
import { createGate } from '../../server/auth/gate.js'
import { createJwtGate } from '../../server/auth/jwt-gate.js'
import { signToken } from '../../server/auth/sign-token.js'
import type { DoorObserver } from '../../server/transport/index.js'
import { EventStreamDoor, WebSocketDoor, type WebSocketDoorOptions } from '../../server/transport/index.js'
import type { Role } from '../../shared/roles.js'
import { FakeRegistry } from './fake-registry.js'

export const SECRET = 'a secret of the tests, long enough to be one'

export const OPEN_LIMITS: AdmissionLimits = {
  origins: [],
  maxConnections: 1_000,
  maxConnectionsPerIp: 1_000,
  maxPeersPerSpace: 1_000,
  maxFailedUpgradesPerMinute: 1_000,
  maxRequestsPerUser: 1_000,
  maxRequestsPerMinute: 100_000,
}

export interface DoorSettings {
  readonly limits?: Partial<AdmissionLimits>
  readonly options?: Partial<WebSocketDoorOptions>
}

export class OpenDoor {
  readonly registry = new FakeRegistry()
  readonly told: string[] = []
  readonly door: WebSocketDoor
  readonly streams: EventStreamDoor
  readonly admission: Admission
  /** The door's clock, ms. */
  nowMs = Date.now()
  /** Of HTTP, so far; upgrades are none. */
  requests = 0
  readonly #server: Server
  readonly #clients = new Set<{ terminate(): void }>()
  #onTold: (() => void)[] = []

  constructor({ limits = {}, options = {} }: DoorSettings) {
    const now = (): number => this.nowMs
    const observer: DoorObserver = {
      report: (level, what, details) => this.#tell(`${level} ${what} ${JSON.stringify(details ?? {})}`),
      opened: dialect => this.#tell(`opened ${dialect}`),
      refused: code => this.#tell(`refused ${code}`),
      closed: (dialect, cause) => this.#tell(`closed ${dialect} ${cause}`),
    }
    this.admission = new Admission({ ...OPEN_LIMITS, ...limits })
    const settings: WebSocketDoorOptions = {
      gate: createGate(createJwtGate({ secret: SECRET, now })),
      admission: this.admission,
      spaces: this.registry,
      observer,
      now,
      elapsed: now,
      gateTimeoutMs: 10_000,
      basePath: '',
      trustedProxies: 0,
      heartbeat: { beatMs: 15_000, stuckMs: 45_000 },
      maxPayloadBytes: 1024 * 1024,
      isCompressing: false,
      readPace: null,
      ...options,
    }
    this.door = new WebSocketDoor(settings)
    this.streams = new EventStreamDoor(settings)
    this.#server = createServer((request, response) => {
      this.requests++
      if (!this.streams.handle(request, response)) response.writeHead(404).end()
    })
    this.#server.on('upgrade', (request, socket, head) => this.door.handleUpgrade(request, socket, head))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Inside, through either door. */
  get connections(): number {
    return this.door.connections + this.streams.connections
  }

  /** Time passes, and both doors look who is there. */
  beat(ms: number): void {
    this.nowMs += ms
    this.door.sweep(this.nowMs)
    this.streams.sweep(this.nowMs)
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  token(
    spaces: Readonly<Record<string, Role>> = { '**': 'write' },
    user = 'ann',
    ttlMs = 60_000,
  ): Promise<string> {
    return signToken({ secret: SECRET, user, spaces, ttlMs, nowMs: this.nowMs })
  }

  /** A client that is under way; `target` begins with `/`. */
  client(
    target: string,
    protocols: readonly string[] = [],
    headers: Record<string, string> = {},
    options: ClientOptions = {},
  ): WebSocket {
    const url = `ws://127.0.0.1:${this.port}${target}`
    const client = new WebSocket(url, [...protocols], { ...options, headers })
    // What matters to a test is in the other events.
    client.on('error', () => {})
    this.#clients.add(client)
    return client
  }

  /** An open client with a good token in the query. */
  async join(space = 'demo', protocols: readonly string[] = ['plenum.v1']): Promise<WebSocket> {
    const client = this.client(`/sync/${space}?token=${await this.token()}`, protocols)
    await once(client, 'open')
    return client
  }

  /** A socket that has sent an upgrade request, byte for byte as given. */
  raw(target: string, headers: Readonly<Record<string, string>> = {}): Socket {
    const socket = connect(this.port, '127.0.0.1')
    socket.on('error', () => {})
    this.#clients.add({ terminate: () => socket.destroy() })
    const lines = Object.entries({
      Host: `127.0.0.1:${this.port}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return socket
  }

  /** Resolves once something was told that contains the text. */
  async untilTold(text: string): Promise<string> {
    while (true) {
      const line = this.told.find(line => line.includes(text))
      if (line !== undefined) return line
      await new Promise<void>(resolve => this.#onTold.push(resolve))
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate()
    await Promise.all([this.door.close(0), this.streams.close(0)])
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #tell(line: string): void {
    this.told.push(line)
    for (const resolve of this.#onTold.splice(0)) resolve()
  }
}

export const openDoor = (settings: DoorSettings = {}): Promise<OpenDoor> => new OpenDoor(settings).listen()

/** How an upgrade ended: refused over HTTP, or accepted and then closed. */
export type Ending =
  | {
      readonly type: 'status'
      readonly status: number
      readonly retryAfter: string | null
      readonly body: string
    }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }

export const ending = (client: WebSocket): Promise<Ending> =>
  new Promise(resolve => {
    client.on('unexpected-response', async (_request, response) => {
      let body = ''
      for await (const chunk of response) body += chunk
      const retryAfter = response.headers['retry-after'] ?? null
      resolve({ type: 'status', status: response.statusCode ?? 0, retryAfter, body })
      client.terminate()
    })
    client.on('close', (code, reason) => resolve({ type: 'close', code, reason: reason.toString() }))
  })

/** All that a raw socket receives until its end. */
export const textOf = async (socket: Socket): Promise<string> => {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}
