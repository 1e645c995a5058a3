/** An application of a test's that has Plenum inside: its http server, what it listens on, and clients of it. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as Y from 'yjs'
import { signToken } from '../../server/auth/sign-token.js'
import { createPlenum, type Plenum, type PlenumOptions } from '../../server/create-plenum.js'
import { openMemoryStore } from '../../server/storage/memory-store.js'
import type { Role } from '../../shared/roles.js'
import { openPlainClient, type PlainClient } from './plain-client.js'

export const SECRET = 'a secret of the tests, long enough to be one'

/** Everything that a test opens, for its end. */
export class Embedding {
  readonly logged: string[] = []
  readonly #plenums: Plenum[] = []
  readonly #servers: Server[] = []

  /** In memory, and signed with the tests' secret, unless the options say otherwise. */
  create(options: PlenumOptions = {}): Plenum {
    const plenum = createPlenum({
      openStore: async () => openMemoryStore(),
      logDestination: { write: line => void this.logged.push(line) },
      ...options,
      config: { port: 0, secret: SECRET, dataDir: 'nowhere', ...options.config },
    })
    this.#plenums.push(plenum)
    return plenum
  }

  serve(listener: RequestListener = (_request, response) => void response.end('yours')): Server {
    const server = createServer(listener)
    this.#servers.push(server)
    return server
  }

  /** The lines of that level. */
  linesOf(level: string): string[] {
    return this.logged.filter(line => line.includes(`"level":"${level}"`))
  }

  async close(): Promise<void> {
    await Promise.all(this.#plenums.splice(0).map(plenum => plenum.close()))
    for (const server of this.#servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
    this.logged.length = 0
  }
}

/** @returns `http://…` */
export const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const tokenFor = (user = 'ann', role: Role = 'write', spaces = '**'): Promise<string> =>
  signToken({ secret: SECRET, user, spaces: { [spaces]: role }, ttlMs: 60_000, nowMs: Date.now() })

/** @param base with the base path. */
export const enter = async (base: string, space = 'demo', token?: string): Promise<PlainClient> =>
  openPlainClient(`${base.replace('http', 'ws')}/sync/${space}`, token ?? (await tokenFor()))

/** Writes, and waits until it is saved. */
export const write = async (client: PlainClient, text: string): Promise<void> => {
  await client.message('welcome')
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  client.send({ type: 'update', update: Y.encodeStateAsUpdate(doc) })
  await client.message('saved', ({ count }) => count === 1)
}

/** What is in the text. */
export const read = async (client: PlainClient): Promise<string> => {
  client.send({ type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) })
  const { update } = await client.message('step2')
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc.getText('text').toString()
}
