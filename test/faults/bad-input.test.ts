/**
 * What a client must not send, from raw sockets to a real server: the sender gets a clear code, and whoever
 * shares the process, or even the space, goes on as if nothing had been.
 */
import { createSecretKey } from 'node:crypto'
import { SignJWT, UnsecuredJWT } from 'jose'
import * as Y from 'yjs'
import { encodeMessage } from '../../shared/protocol/index.js'
import { BEARER_PREFIX, SUBPROTOCOL_PLENUM } from '../../shared/protocol/version.js'
import { openPlainClient, type PlainClient } from '../support/plain-client.js'
import { poisonBy } from '../support/poison.js'
import { createRng } from '../support/rng.js'
import { type ServerProcess, startServer } from '../support/server-process.js'
import { assert, note, suite } from '../support/suite.js'
import { GROUND, THROWING } from '../support/throwing-update.js'
import { until } from '../support/until.js'
import { type Books, LedgerWriter } from './ledger-writer.js'
import { type OpenSpace, openSpace } from './open-space.js'
import { OPCODE, type RawRequest, RawSocket, rawFrame } from './raw-socket.js'
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

const varUint = (value: number): number[] => {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

const updateMessage = (update: Uint8Array): Uint8Array => encodeMessage({ type: 'update', update })

const someDocument = (): Y.Doc => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'from outside')
  return doc
}

const v1 = (): Uint8Array => Y.encodeStateAsUpdate(someDocument())

/** Whole frames of RFC 6455 and the code that must answer them. */
const badFrames = async (): Promise<[what: string, bytes: Buffer, close: number][]> => {
  const message = (...bytes: number[]): Buffer => rawFrame(Uint8Array.from(bytes))
  const huge = [255, 255, 255, 255, 255, 255, 255, 15]
  return [
    ['a text frame', rawFrame(Buffer.from('hello'), { opcode: OPCODE.text }), 4400],
    ['an empty frame', message(), 4400],
    ['an unknown type', message(77, 0), 4400],
    ['a type of the server', message(101, 1, 1), 4400],
    ['an unknown sync step', message(0, 9, 1, 0), 4400],
    ['a step 1 without a body', message(0, 0), 4400],
    ['a step 1 that is cut short', message(0, 0, 9, 1, 1), 4400],
    ['a length near 2^53', message(0, 2, ...huge), 4400],
    ['a length beyond 2^53', message(0, 2, ...huge.map(() => 255), 255, 255, 127), 4400],
    ['a step 1 with trailing bytes', message(0, 0, 1, 0, 7), 4400],
    ['a state vector that lies about its size', message(0, 0, ...varUint(5), 200, 200, 200, 1, 1), 4400],
    ['an update that is no update', rawFrame(updateMessage(Uint8Array.of(1, 2, 3))), 4400],
    ['an update that is cut short', rawFrame(updateMessage(v1().slice(0, -3))), 4400],
    ['an update with trailing bytes', rawFrame(updateMessage(Uint8Array.of(...v1(), 0))), 4400],
    [
      'an update that claims 2^40 structs',
      rawFrame(updateMessage(Uint8Array.of(1, ...varUint(2 ** 40), 5, 0))),
      4400,
    ],
    ['an update of encoding v2', rawFrame(updateMessage(Y.encodeStateAsUpdateV2(someDocument()))), 4400],
    ['awareness that is none', message(1, 3, 9, 9, 9), 4400],
    ['awareness with a lying length', message(1, 3, 1, 5, 200), 4400],
    ['a token that is none', rawFrame(encodeMessage({ type: 'authenticate', token: 'nothing' })), 4401],
    [
      'a token that has expired',
      rawFrame(
        encodeMessage({
          type: 'authenticate',
          token: await server.token(`attacker ${attackers + 1}`, 'space', 'write', -60_000),
        }),
      ),
      4501,
    ],
    ['a message over the limit', rawFrame(updateMessage(new Uint8Array(MAX_FRAME_BYTES))), 4413],
    ['a frame over every limit', rawFrame(new Uint8Array(MAX_DOCUMENT_BYTES + 1)), 1009],
    ['a frame that claims 2^40 bytes', rawFrame(new Uint8Array(9), { claimedLength: 2 ** 40 }), 1009],
    ['a frame without a mask', rawFrame(Uint8Array.of(3), { isMasked: false }), 1002],
    ['a frame with reserved bits', rawFrame(Uint8Array.of(3), { reserved: 0x20 }), 1002],
    ['a frame of an unknown kind', rawFrame(Uint8Array.of(3), { opcode: 5 }), 1002],
    ['a ping of 1,000 bytes', rawFrame(new Uint8Array(1_000), { opcode: OPCODE.ping }), 1002],
  ]
}

test('[F12] malformed frames close their sender with a code, and nobody else notices', {
  timeoutMs: 60_000,
}, async () => {
  const frames = await badFrames()
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

test('[F13] a poison that spoils the stored state costs its space nothing but the poison', async () => {
  const { entry, sting } = poisonBy(42)
  const space = 'poisoned'
  const books: Books = new Map()
  const writer = new LedgerWriter({ name: 'writer', space, books, rng: createRng(1) })
  writer.connect(server.url, await server.token('writer', space))
  const beside = await openSpace(server, 'beside', { user: 'beside' })
  const attacker = await openPlainClient(`${server.syncUrl}/${space}`, await server.token('attacker', space))
  attacker.send({ type: 'step2', update: Uint8Array.of(0, 0) })
  attacker.send({ type: 'update', update: entry })
  // In one flush with the other half it would be harmless.
  await attacker.message('saved', ({ count }) => count === 2)
  attacker.send({ type: 'update', update: sting })
  await attacker.message('saved', ({ count }) => count === 3)
  // Until a compaction, which loads again what it is about to store.
  await writer.write(2_500)
  assert.is(writer.connection.closed?.code, 4500)
  attacker.terminate()
  await until('the space is repaired', async () => (await metric(server, 'plenum_repairs_total')) === 1)
  beside.ids.set('beside', true)
  await beside.connection.whenSaved()
  assert.is(beside.connection.closed, null)

  for (const isRestarted of [false, true]) {
    if (isRestarted) await server.restart()
    const fresh = await openSpace(server, space)
    assert.is.not(fresh.connection.welcome?.incarnation, writer.connection.welcome?.incarnation)
    const acknowledged = [...(books.get(space) ?? [])]
    assert.ok(acknowledged.length > 10)
    assert.equal(
      acknowledged.filter(id => !fresh.ids.has(id)),
      [],
    )
    assert.ok(fresh.doc.getMap('t').has('l'), 'what is harmless alone stays')
    fresh.text.insert(0, 'it goes on')
    await fresh.connection.whenSaved()
    fresh.connection.close()
  }
})
