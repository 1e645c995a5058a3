/**
 * The ceiling: a relay that knows nothing. A room is a path; a message is framed once, and the same bytes go to every
 * other member, raw, those of one turn of the event loop in one write. Nothing is decoded, merged or stored.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Sender, WebSocketServer } from 'ws'
import { greeting, runPeer } from './run-peer.js'

const frame = message =>
  Buffer.concat(
    Sender.frame(message, {
      fin: true,
      rsv1: false,
      opcode: 2,
      mask: false,
      readOnly: true,
      generateMask: null,
    }),
  )

const greetingFrame = greeting === undefined ? null : frame(readFileSync(greeting))
const rooms = new Map()
let corked = new Set()

const write = (socket, bytes) => {
  if (!socket.writable) return
  if (!corked.has(socket)) {
    if (corked.size === 0) setImmediate(uncork)
    socket.cork()
    corked.add(socket)
  }
  socket.write(bytes)
}

const uncork = () => {
  const sockets = corked
  corked = new Set()
  for (const socket of sockets) socket.uncork()
}

const httpServer = createServer()
const door = new WebSocketServer({ server: httpServer, perMessageDeflate: false, maxPayload: 64 * 2 ** 20 })
door.on('connection', (ws, { url, socket }) => {
  const path = url.split('?')[0]
  const room = rooms.get(path) ?? new Set()
  rooms.set(path, room)
  room.add(socket)
  if (greetingFrame !== null) write(socket, greetingFrame)
  ws.on('message', message => {
    const bytes = frame(message)
    for (const member of room) if (member !== socket) write(member, bytes)
  })
  ws.on('error', () => ws.terminate())
  ws.on('close', () => {
    room.delete(socket)
    if (room.size === 0) rooms.delete(path)
  })
})

await runPeer(httpServer)
