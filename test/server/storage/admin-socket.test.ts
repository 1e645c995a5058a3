/** The admin socket: one request, one answer, for its owner alone. */
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type AdminRequest, adminRequest, serveAdminSocket } from '../../../server/storage/admin-socket.js'
import { StartupError } from '../../../server/storage/startup-error.js'
import { PlenumError } from '../../../shared/errors.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

const test = suite('admin socket')

const rejectsAtStart = async (promise: Promise<unknown>, message: RegExp): Promise<void> => {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof StartupError)) throw error
    assert.is(error.problem, 'socket')
    return assert.match(error.message, message)
  }
  assert.unreachable('it resolves')
}

test('[T22] a request is answered with what the handler returns or throws', async () => {
  const dataDir = temporaryFolder()
  const seen: AdminRequest[] = []
  const server = await serveAdminSocket(dataDir, async request => {
    seen.push(request)
    if (request.type === 'verify') throw new PlenumError('degraded', 'not now')
    if (request.type === 'status') throw new Error('a secret detail')
    return { got: request.type }
  })
  const requests: AdminRequest[] = [
    { type: 'compact' },
    { type: 'compact', space: 'team/notes' },
    { type: 'backup', path: '/somewhere/else' },
  ]
  for (const request of requests) {
    assert.equal(await adminRequest(dataDir, request), { got: request.type })
  }
  assert.equal(seen, requests)
  assert.is((await rejectsWithCode('degraded', adminRequest(dataDir, { type: 'verify' }))).message, 'not now')
  const error = await rejectsWithCode('internal', adminRequest(dataDir, { type: 'status' }))
  assert.not.match(error.message, /secret/)
  await server.close()
  await server.close()
})

test('[T22] only the owner may open it, and it goes with its server', async () => {
  const dataDir = temporaryFolder()
  const server = await serveAdminSocket(dataDir, async () => null)
  const path = join(dataDir, 'admin.sock')
  assert.is(statSync(path).mode & 0o777, 0o600)
  await server.close()
  assert.is(existsSync(path), false)
  await rejectsAtStart(adminRequest(dataDir, { type: 'status' }), /no answer on the admin socket/)
})

test('[T22] a socket that a killed server left is replaced', async () => {
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, 'admin.sock'), '')
  const server = await serveAdminSocket(dataDir, async () => 'here')
  assert.is(await adminRequest(dataDir, { type: 'status' }), 'here')
  await server.close()
})

test('[T22] a path that is too long for a socket is named, not cut', async () => {
  const dataDir = join(temporaryFolder(), 'd'.repeat(100))
  await rejectsAtStart(
    serveAdminSocket(dataDir, async () => null),
    /too long: .* 107 are possible/,
  )
  await rejectsAtStart(adminRequest(dataDir, { type: 'status' }), /too long/)
})

test('[T22] what is no request is answered so, and the next one on the line is answered too', async () => {
  const dataDir = temporaryFolder()
  const server = await serveAdminSocket(dataDir, async () => 'fine')
  const socket = connect(join(dataDir, 'admin.sock'))
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const wrong = [
    'x',
    'null',
    '[]',
    '{}',
    '{"type":"delete"}',
    '{"type":"compact","space":5}',
    '{"type":"backup"}',
    '{"type":"backup","path":"relative"}',
  ]
  for (const line of wrong) {
    socket.write(`${line}\n`)
    const reply = JSON.parse((await lines.next()).value)
    assert.is(reply.ok, false, line)
    assert.is(reply.code, 'bad_request', line)
  }
  socket.write('{"type":"status"}\n')
  assert.equal(JSON.parse((await lines.next()).value), { ok: true, result: 'fine' })
  socket.destroy()
  await server.close()
})

test('[T22] a line without an end closes the connection, and others are served', async () => {
  const dataDir = temporaryFolder()
  const server = await serveAdminSocket(dataDir, async () => 'fine')
  const socket = connect(join(dataDir, 'admin.sock'))
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  socket.write('x'.repeat(200_000))
  await closed
  assert.is(await adminRequest(dataDir, { type: 'status' }), 'fine')
  await server.close()
})

test('[T22] a server that goes before it answers is told', async () => {
  const dataDir = temporaryFolder()
  let asked = (): void => undefined
  const isAsked = new Promise<void>(resolve => {
    asked = resolve
  })
  const server = await serveAdminSocket(dataDir, () => {
    asked()
    return new Promise(() => undefined)
  })
  const answer = rejectsAtStart(adminRequest(dataDir, { type: 'verify' }), /no answer/)
  await isAsked
  await server.close()
  await answer
})
