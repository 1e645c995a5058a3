/**
 * What a client must not send, from raw sockets to a real server: the sender gets a clear code, and whoever
 * shares the process, or even the space, goes on as if nothing had been.
 */
import { createSecretKey } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import * as Y from 'yjs'
import { BEARER_PREFIX, SUBPROTOCOL_PLENUM } from '../../shared/protocol/version.js'
import { openPlainClient, type PlainClient } from '../support/plain-client.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { GROUND, THROWING } from '../support/throwing-update.js'
import { until } from '../support/until.js'
import { badFrames, updateMessage, v1 } from './bad-frames.js'
import { type OpenSpace, openSpace } from './open-space.js'
import { type RawRequest, RawSocket, rawFrame } from './raw-socket.js'
import { metric } from './server-figures.js'

const test = suite('bad input')

const MAX_FRAME_BYTES = 64 * 1024
const MAX_DOCUMENT_BYTES = 256 * 1024
const WRONG_KEY = createSecretKey(Buffer.from('another secret, which is as long as the right one'))

let server: ServerProcess
/** Two in the space that is attacked and one in another; none of them may notice. */
let bystanders: { writer: OpenSpace; reader: OpenSpace; elsewhere: OpenSpace }
let pid: number
let edits: number
let attackers: number

test.before(async () => {
  server = await startServer({
    flags: ['--max-frame', String(MAX_FRAME_BYTES), '--max-document', String(MAX_DOCUMENT_BYTES)],
  })
  pid = server.pid
  bystanders = {
    writer: await openSpace(server, 'space', { user: 'writer' }),
    reader: await openSpace(server, 'space', { user: 'reader', role: 'read' }),
    elsewhere: await openSpace(server, 'elsewhere', { user: 'elsewhere' }),
  }
  edits = 0
  attackers = 0
})
test.after(async () => {
  for (const { connection } of Object.values(bystanders)) connection.close()
  await server.dispose()
})

/** An edit is relayed and saved, here and elsewhere, over connections that never broke. */
const expectUndisturbed = async (): Promise<void> => {
  const { writer, reader, elsewhere } = bystanders
  const id = `edit ${++edits}`
  for (const { ids } of [writer, elsewhere]) ids.set(id, true)
  await Promise.all([writer, elsewhere].map(({ connection }) => connection.whenSaved()))
  await until('the reader sees it', () => reader.ids.has(id))
  for (const { connection } of [writer, reader, elsewhere]) assert.is(connection.closed, null)
}

/** Never the same user twice: who was refused often enough is not even answered. */
const nextUser = (): string => `attacker ${++attackers}`

const tokenFor = (space = 'space'): Promise<string> => server.token(nextUser(), space)

const offering = (token: string): string[] => [SUBPROTOCOL_PLENUM, `${BEARER_PREFIX}${token}`]

const upgrade = async (request: Omit<RawRequest, 'port'>): Promise<RawSocket> =>
  RawSocket.connect({ port: server.port, ...request })

test('[F12] bad names are refused with bad_name before anything else', async () => {
  const targets = [
    '/sync/../space',
    '/sync/team/../space',
    '/sync/./space',
    '/sync/%2e%2e/space',
    '/sync/..%2fspace',
    '/sync/team%2Fspace',
    '/sync/',
    '/sync//space',
    '/sync/space/',
    '/sync/%zz',
    '/sync/%c3%28',
    '/sync/a%00b',
    '/sync/a%20b',
    '/sync/<script>',
    `/sync/${'x'.repeat(129)}`,
    `/sync/${Array.from({ length: 9 }, () => 'x').join('/')}`,
  ]
  const token = await server.token(nextUser(), '**')
  for (const target of targets) {
    const stock = await upgrade({ target: `${target}?token=${token}` })
    assert.is(stock.status, 400, target)
    assert.is(JSON.parse(stock.body).code, 'bad_name', target)
    const plenum = await upgrade({ target, protocols: offering(token) })
    assert.is(plenum.status, 101, target)
    assert.is(await plenum.whenClosed(), 4400, target)
  }
  const elsewhere = await upgrade({ target: `/other/space?token=${token}` })
  assert.is(elsewhere.status, 404)
  await expectUndisturbed()
})

test('[F12] expired, foreign, unsigned and missing tokens are refused, each with its code', async () => {
  const nowSeconds = Math.floor(Date.now() / 1000)
  const claims = { spaces: { space: 'admin' } }
  const signed = (alg: string, key = WRONG_KEY): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg })
      .setSubject('attacker')
      .setExpirationTime(nowSeconds + 600)
      .sign(key)
  const good = await tokenFor()
  const [header, payload] = good.split('.')
  const cases: readonly [what: string, token: string, status: number, code: string, close: number][] = [
    ['expired', await server.token(nextUser(), 'space', 'write', -60_000), 401, 'token_expired', 4501],
    ['another key', await signed('HS256'), 401, 'unauthenticated', 4401],
    [
      'another algorithm',
      await signed('HS512', createSecretKey(Buffer.alloc(64, 1))),
      401,
      'unauthenticated',
      4401,
    ],
    [
      'alg none',
      new UnsecuredJWT(claims)
        .setSubject('attacker')
        .setExpirationTime(nowSeconds + 600)
        .encode(),
      401,
      'unauthenticated',
      4401,
    ],
    ['signature cut off', `${header}.${payload}.`, 401, 'unauthenticated', 4401],
    ['no token at all', 'nothing', 401, 'unauthenticated', 4401],
    ['another space', await tokenFor('elsewhere'), 403, 'forbidden', 4403],
  ]
  for (const [what, token, status, code, close] of cases) {
    const stock = await upgrade({ target: `/sync/space?token=${token}` })
    assert.is(stock.status, status, what)
    assert.is(JSON.parse(stock.body).code, code, what)
    const plenum = await upgrade({ target: '/sync/space', protocols: offering(token) })
    assert.is(plenum.status, 101, what)
    assert.is(await plenum.whenClosed(), close, what)
    assert.equal(plenum.frames, [], `${what}: nothing of the space may be told`)
  }
  const none = await upgrade({ target: '/sync/space' })
  assert.is(none.status, 401)
  await expectUndisturbed()
})

test('[F12] malformed frames close their sender with a code, and nobody else notices', {
  timeoutMs: 60_000,
}, async () => {
  const frames = badFrames({
    maxFrameBytes: MAX_FRAME_BYTES,
    maxDocumentBytes: MAX_DOCUMENT_BYTES,
    expiredToken: await server.token('attacker', 'space', 'write', -60_000),
  })
  for (const [what, bytes, close] of frames) {
    const raw = await upgrade({ target: '/sync/space', protocols: offering(await tokenFor()) })
    assert.is(raw.status, 101)
    await until('it is welcome', () => raw.frames.length > 0)
    raw.write(bytes)
    assert.is(await raw.whenClosed(), close, what)
    raw.destroy()
    await expectUndisturbed()
  }
  // A byte at a time, and gone in the middle of a frame.
  const slow = await upgrade({ target: '/sync/space', protocols: offering(await tokenFor()) })
  for (const byte of rawFrame(updateMessage(v1())).subarray(0, 12)) slow.write(Uint8Array.of(byte))
  slow.destroy()
  await expectUndisturbed()
  note(`${frames.length} malformed frames, ${edits} undisturbed edits beside them`)
})

const openAttacker = async (): Promise<PlainClient> => {
  const client = await openPlainClient(`${server.syncUrl}/space`, await tokenFor())
  await client.message('welcome')
  client.send({ type: 'step2', update: Uint8Array.of(0, 0) })
  await client.message('saved', ({ count }) => count === 1)
  return client
}

test('[F12] a gap is not acknowledged, is asked about, and is acknowledged once the reply has filled it', async () => {
  const client = await openAttacker()
  const doc = new Y.Doc()
  const updates: Uint8Array[] = []
  doc.on('update', update => updates.push(update))
  doc.getMap('filled').set('first', 1)
  doc.getMap('filled').set('second', 2)
  client.send({ type: 'update', update: updates[1]! })
  await until('it is asked', () => client.messages.filter(({ type }) => type === 'step1').length === 2)
  assert.is(client.messages.filter(({ type }) => type === 'saved').length, 1)
  client.send({ type: 'step2', update: Y.encodeStateAsUpdate(doc) })
  await client.message('saved', ({ count }) => count === 3)
  client.terminate()
  await until('a bystander has it', () => bystanders.writer.doc.getMap('filled').get('second') === 2)
  await expectUndisturbed()
})

test('[F13] an update that throws while it is integrated is refused, and what was sent with it is not', async () => {
  const client = await openAttacker()
  client.send({ type: 'update', update: GROUND })
  await client.message('saved', ({ count }) => count === 2)
  client.send({ type: 'update', update: v1() })
  client.send({ type: 'update', update: THROWING })
  bystanders.writer.text.insert(0, 'in the same batch ')
  const { number, code } = await client.message('rejected')
  assert.equal({ number, code }, { number: 4, code: 'unappliable' })
  await client.message('saved', ({ count }) => count === 3)
  client.terminate()
  await expectUndisturbed()
  await until('all of it is there', () => bystanders.reader.text.toString().includes('from outside'))
  assert.match(bystanders.reader.text.toString(), 'in the same batch ')
})

test('[F12] after all of it the server is the one that was started, and a restart finds everything', async () => {
  const { writer, elsewhere } = bystanders
  assert.is(server.pid, pid)
  assert.is(await metric(server, 'plenum_spaces'), 2)
  await server.restart()
  for (const [space, { ids }] of [
    ['space', writer],
    ['elsewhere', elsewhere],
  ] as const) {
    const fresh = await openSpace(server, space)
    assert.equal(
      [...ids.keys()].filter(id => !fresh.ids.has(id)),
      [],
    )
    assert.is(fresh.ids.size, edits)
    fresh.connection.close()
  }
})
