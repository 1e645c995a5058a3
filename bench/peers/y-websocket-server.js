/**
 * @y/websocket-server as its own command runs it: the same ws, the same handler, nothing stored. Only the port, the
 * IPC and the end are ours.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { runPeer } from './run-peer.js'

// It would keep documents in LevelDB if this were set; it is not by default.
delete process.env.YPERSISTENCE
const { setupWSConnection } = await import('@y/websocket-server/utils')

const require = createRequire(import.meta.url)
const WebSocket = createRequire(require.resolve('@y/websocket-server/package.json'))('ws')

const httpServer = createServer((_request, response) => response.end('okay'))
const door = new WebSocket.Server({ noServer: true })
door.on('connection', setupWSConnection)
httpServer.on('upgrade', (request, socket, head) => {
  door.handleUpgrade(request, socket, head, ws => door.emit('connection', ws, request))
})

await runPeer(httpServer)
