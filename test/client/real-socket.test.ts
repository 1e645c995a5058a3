/** The connection on a real WebSocket: the `ws` class against a `ws` server. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import * as Y from 'yjs'
import { connectSpace } from '../../client/connect-space.js'
import { decodeClientMessage, encodeMessage, type ServerMessage } from '../../shared/protocol/index.js'
import { WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'

const test = suite('space connection on a real socket')

let server: WebSocketServer
test.before.each(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'plenum.v1' })
  await once(server, 'listening')
})
test.after.each(async () => {
  for (const socket of server.clients) socket.terminate()
  server.close()
  await once(server, 'close')
})

const open = () => {
  const { port } = server.address() as AddressInfo
  const doc = new Y.Doc()
  const url = `http://127.0.0.1:${port}`
  return { doc, connection: connectSpace({ url, space: 'demo', token: 'a.b.c', doc, WebSocket }) }
}

test('[K7] syncs, saves and closes over the ws package', async () => {
  server.on('connection', (socket, request) => {
    assert.is(request.headers['sec-websocket-protocol'], 'plenum.v1,bearer.a.b.c')
    const copy = new Y.Doc()
    let received = 0
    const send = (message: ServerMessage): void => socket.send(encodeMessage(message))
    send(WELCOME)
    send({ type: 'step1', stateVector: Y.encodeStateVector(copy) })
    socket.on('message', (data: Buffer) => {
      const message = decodeClientMessage(data)
      if (message.type === 'step1') send({ type: 'step2', update: Y.encodeStateAsUpdate(copy) })
      if (message.type !== 'step2' && message.type !== 'update') return
      Y.applyUpdate(copy, message.update)
      send({ type: 'saved', count: ++received, position: received })
      if (copy.getText('text').toString() === 'ab') socket.close(4503, 'draining')
    })
  })
  const { doc, connection } = open()
  const closed = new Promise(resolve => connection.on('closed', resolve))
  await connection.whenSynced()
  await connection.whenSaved()
  doc.getText('text').insert(0, 'a')
  await connection.whenSaved()
  doc.getText('text').insert(1, 'b')
  assert.equal(await closed, { code: 4503, reason: 'draining' })
})

test('[K13] a refused upgrade is a close with 1006', async () => {
  server.options.verifyClient = () => false
  const { connection } = open()
  const close = await new Promise(resolve => connection.on('closed', resolve))
  assert.equal(close, { code: 1006, reason: '' })
})
