/** Hocuspocus 4 with its SQLite extension and a database file; every other setting is its default. */
import { join } from 'node:path'
import { Server } from 'hocuspocus-4'
import { SQLite } from 'hocuspocus-4-sqlite'
import { dataDir, runPeer } from './run-peer.js'

const database = new SQLite({ database: join(dataDir, 'hocuspocus.sqlite') })
const server = new Server({ extensions: [database], quiet: true, stopOnSignals: false })

await runPeer(server.httpServer, async () => {
  await server.destroy()
  database.db.close()
})
