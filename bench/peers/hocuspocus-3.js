/** Hocuspocus 3 with its SQLite extension and a database file; every other setting is its default. */
import { join } from 'node:path'
import { Server } from 'hocuspocus-3'
import { SQLite } from 'hocuspocus-3-sqlite'
import { dataDir, runPeer } from './run-peer.js'

const database = new SQLite({ database: join(dataDir, 'hocuspocus.sqlite') })
const server = new Server({ extensions: [database], quiet: true, stopOnSignals: false })

// The extension opens its database in a hook and waits for nothing: who joins before its table is there is refused.
await new Promise(setImmediate)
await new Promise((resolve, reject) =>
  database.db.run(database.configuration.schema, error => (error ? reject(error) : resolve())),
)

// Not server.listen(), which would listen on every address.
await runPeer(server.httpServer, async () => {
  await server.destroy()
  // sqlite3 writes after it was told to: closing waits for it.
  await new Promise((resolve, reject) => database.db.close(error => (error ? reject(error) : resolve())))
})
