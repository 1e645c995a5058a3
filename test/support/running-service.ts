/** A whole service in this process, its tokens, and clients of it; all of them are gone after each test. */
import { WebSocket } from 'ws'
import { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { connectSpace } from '../../client/connect-space.js'
import type { SpaceConnection } from '../../client/space-connection.js'
import { createService, type Service, type ServiceOptions } from '../../server/create-service.js'
import { type Config, signToken } from '../../server/index.js'
import type { Role } from '../../shared/roles.js'
import { type EventReader, readEvents } from './event-reader.js'
import { temporaryFolder } from './temporary-folder.js'

export const SECRET = 'a secret of the tests, long enough to be one'

export interface Served {
  readonly url: string
  readonly service: Service
}

export interface TokenWish {
  readonly user?: string
  readonly role?: Role
  readonly spaces?: Readonly<Record<string, Role>>
  readonly ttlMs?: number
}

/** Made once for a test file; `end` after each test. */
export class RunningServices {
  readonly #services: Service[] = []
  readonly #connections: SpaceConnection[] = []
  readonly #docs: Y.Doc[] = []
  readonly #readers: EventReader[] = []

  async serve(config: Partial<Config> = {}, options: Partial<ServiceOptions> = {}): Promise<Served> {
    const given = { port: 0, secret: SECRET, logLevel: 'silent', ...config } as Partial<Config>
    const service = createService({
      config: { dataDir: temporaryFolder('service'), ...given },
      ...options,
    })
    this.#services.push(service)
    return { url: (await service.start()).url, service }
  }

  token({ user = 'ann', role = 'write', spaces, ttlMs = 60_000 }: TokenWish = {}): Promise<string> {
    return signToken({ secret: SECRET, user, spaces: spaces ?? { '**': role }, ttlMs, nowMs: Date.now() })
  }

  async bearer(wish: TokenWish = {}): Promise<Record<string, string>> {
    return { Authorization: `Bearer ${await this.token(wish)}` }
  }

  /** A synced client of ours. */
  async client(url: string, space: string, wish: TokenWish = {}) {
    const doc = new Y.Doc()
    const awareness = new Awareness(doc)
    // It has an interval of its own, which would outlive the test.
    doc.on('destroy', () => awareness.destroy())
    this.#docs.push(doc)
    const connection = connectSpace({ url, space, token: await this.token(wish), doc, awareness, WebSocket })
    this.#connections.push(connection)
    await connection.whenSynced()
    return { doc, awareness, connection }
  }

  /** @param path below `/api/spaces/` */
  async stream(
    url: string,
    path: string,
    wish: TokenWish = {},
    headers: Record<string, string> = {},
  ): Promise<EventReader> {
    const reader = await readEvents(`${url}/api/spaces/${path}`, { ...(await this.bearer(wish)), ...headers })
    this.#readers.push(reader)
    return reader
  }

  async end(): Promise<void> {
    for (const reader of this.#readers.splice(0)) reader.abort()
    for (const connection of this.#connections.splice(0)) connection.close()
    for (const doc of this.#docs.splice(0)) doc.destroy()
    await Promise.all(this.#services.splice(0).map(service => service.close()))
  }
}
