/** A program that asks for the stream of a space and then does not read it. */
import { connect, type Socket } from 'node:net'
import * as Y from 'yjs'
import { RunningServices } from '../support/running-service.js'
import { assert, note, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('faults: stream readers')
const services = new RunningServices()
test.after.each(() => services.end())

const TIMEOUT_MS = 60_000
const EDIT_BYTES = 200_000
const EDITS = 200

const stalled = async (url: string, path: string, token: string): Promise<Socket> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  await new Promise(resolve => socket.once('readable', resolve))
  socket.pause()
  return socket
}

interface Told {
  readonly user: string
  readonly left: { readonly reason: string } | null
}

test('[X65] a reader that stops costs a bounded number of bytes, is put out with a code, and slows nobody', {
  timeoutMs: TIMEOUT_MS,
}, async () => {
  const { url } = await services.serve({ slowPeerDeadlineMs: 2_000, heartbeatMs: 5_000 })
  const { doc, connection } = await services.client(url, 'demo')
  const socket = await stalled(url, '/api/spaces/demo/stream', await services.token({ user: 'eve' }))
  const reader = await services.stream(url, 'demo/stream?events=change', { user: 'bob' })
  const content = doc.getText('content')
  for (let i = 0; i < EDITS; i++) {
    content.delete(0, content.length)
    content.insert(0, `${i} ${'x'.repeat(EDIT_BYTES)}`)
    await connection.whenSaved()
  }
  const copy = new Y.Doc()
  let read = 0
  await until('who reads is up to date', () => {
    const { events } = reader
    for (; read < events.length; read++) Y.applyUpdate(copy, Buffer.from(events[read]!.data.update, 'base64'))
    return copy.getText('content').toString() === content.toString()
  })
  const headers = await services.bearer()
  await until(
    'who does not is put out',
    async () => {
      const { members } = (await (await fetch(`${url}/api/spaces/demo/members`, { headers })).json()) as {
        members: Told[]
      }
      return members.find(({ user }) => user === 'eve')?.left?.reason === 'timeout'
    },
    30_000,
  )
  let bytes = 0
  socket.on('data', chunk => {
    bytes += chunk.length
  })
  socket.resume()
  await until('the socket ends', () => socket.readableEnded || socket.destroyed)
  const writtenBytes = EDITS * EDIT_BYTES * (4 / 3)
  assert.ok(bytes < writtenBytes / 2, `${bytes} of ${writtenBytes} bytes were held for it`)
  note(`${Math.round(bytes / 1e6)} MB of ${Math.round(writtenBytes / 1e6)} MB were on the way`)
})
