/** Clients of every version on one server of a test, each with a token of its own: opened synced, closed together. */
import type { ServerProcess } from './server-process.js'
import { openStockClient, type StockClient } from './stock-client.js'
import type { OpenOptions } from './stock-client-calls.js'

export class SyncedClients {
  readonly #server: () => ServerProcess
  readonly #opened = new Set<StockClient>()

  /** @param server asked whenever one is opened: a test may start another */
  constructor(server: () => ServerProcess) {
    this.#server = server
  }

  async open(options: Omit<OpenOptions, 'url' | 'token'>, role: 'read' | 'write'): Promise<StockClient> {
    const server = this.#server()
    const token = await server.token(`${role}-${options.version}`, '**', role)
    const client = await openStockClient({ ...options, url: server.syncUrl, token })
    this.#opened.add(client)
    await client.untilSynced()
    return client
  }

  /** These, or all that are open. */
  async close(clients: Iterable<StockClient> = this.#opened): Promise<void> {
    const closing = [...clients]
    await Promise.all(closing.map(client => client.close()))
    for (const client of closing) this.#opened.delete(client)
  }
}
