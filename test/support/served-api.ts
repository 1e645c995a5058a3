/** The HTTP API on a real port, behind a real gate and admission, over spaces of the test's. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Admission } from '../../server/auth/admission.js'
import { createGate } from '../../server/auth/gate.js'
import { createJwtGate } from '../../server/auth/jwt-gate.js'
import { signToken } from '../../server/auth/sign-token.js'
import { createHttpApp } from '../../server/http/app.js'
import { createHandler } from '../../server/http/handler.js'
import { createApiGuard } from '../../server/service/api-guard.js'
import { revokingGate } from '../../server/service/revoking-gate.js'
import type { SpaceDesk } from '../../server/space/space-desk.js'
import { Judge, Watchers, type WatchersOptions } from '../../server/transport/index.js'
import type { Role } from '../../shared/roles.js'
import { OPEN_LIMITS, SECRET } from './open-door.js'

export interface ApiSettings {
  readonly desk: SpaceDesk
  readonly basePath?: string
  readonly origins?: readonly string[]
  readonly limits?: Partial<typeof OPEN_LIMITS>
  readonly trustProxy?: number
  readonly slowReaderMs?: number
  readonly spaces?: WatchersOptions['spaces']
  readonly watchers?: Partial<WatchersOptions>
}

const nobodyJoins: WatchersOptions['spaces'] = {
  join: () => Promise.reject(new Error('nobody joins here')),
}

export class ServedApi {
  readonly told: string[] = []
  readonly watchers: Watchers
  readonly admission: Admission
  nowMs = Date.now()
  /** Sockets of clients that are gone. */
  gone = 0
  readonly #server: Server
  readonly #basePath: string

  constructor({ desk, basePath = '', origins = [], trustProxy = 0, ...more }: ApiSettings) {
    const now = (): number => this.nowMs
    const gate = revokingGate(createGate(createJwtGate({ secret: SECRET, now })), desk)
    this.admission = new Admission({ ...OPEN_LIMITS, ...more.limits, origins })
    const judge = new Judge({ gate, admission: this.admission, elapsed: now, gateTimeoutMs: 10_000 })
    const tell = (what: string) => this.told.push(what)
    this.watchers = new Watchers({
      gate,
      desk,
      spaces: more.spaces ?? nobodyJoins,
      observer: {
        report: (level, what) => tell(`${level} ${what}`),
        opened: () => tell('opened'),
        refused: code => tell(`refused ${code}`),
        closed: (_dialect, cause) => tell(`closed ${cause}`),
      },
      elapsed: now,
      beatMs: 15_000,
      stuckMs: 45_000,
      ...more.watchers,
    })
    const app = createHttpApp({
      basePath,
      status: () => ({ isDegraded: false, isDraining: false }),
      metrics: null,
      demo: null,
      api: {
        ...createApiGuard(judge, { trustProxy, origins }),
        desk,
        watch: (response, watch) => this.watchers.watch(response, watch),
        maxUpdateBytes: 10_000,
        slowReaderMs: more.slowReaderMs ?? 10_000,
        now,
      },
      observer: {
        report: (level, what) => tell(`${level} ${what}`),
        refusedRequest: code => tell(`refused request ${code}`),
      },
    })
    this.#basePath = basePath
    this.#server = createServer(createHandler({ basePath, routes: () => ({ type: 'serving', app }) }))
    this.#server.on('connection', socket => socket.once('close', () => this.gone++))
  }

  /** Of the API, without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#basePath}/api`
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  token(role: Role | Readonly<Record<string, Role>>, user = 'ann', ttlMs = 60_000): Promise<string> {
    const spaces = typeof role === 'string' ? { '**': role } : role
    return signToken({ secret: SECRET, user, spaces, ttlMs, nowMs: this.nowMs })
  }

  /** Asks with a token of this role on every space. */
  async ask(role: Role, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = {
      ...(init.headers as Record<string, string>),
      Authorization: `Bearer ${await this.token(role)}`,
    }
    return fetch(this.url + path, { ...init, headers })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

export const serveApi = (settings: ApiSettings): Promise<ServedApi> => new ServedApi(settings).listen()
