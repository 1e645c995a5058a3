/** One connection against a server that the test plays, frame by frame. */
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { ConnectionClosed } from '../../client/channel/connection-closed.js'
import { type ConnectOptions, connectSpace } from '../../client/connect-space.js'
import type { SpaceConnection } from '../../client/space-connection.js'
import type { ClientMessage, DocumentMessage, ServerMessage } from '../../shared/protocol/index.js'
import { rejectsWithCode, throwsCode } from '../support/expect.js'
import { ScriptedServer, WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'

const test = suite('space connection')

interface Setup {
  readonly server: ScriptedServer
  readonly connection: SpaceConnection
  readonly doc: Y.Doc
}

const connect = (options: Partial<ConnectOptions> = {}): Setup => {
  const server = new ScriptedServer()
  const doc = options.doc ?? new Y.Doc()
  const connection = connectSpace({
    url: 'ws://host/base',
    space: 'demo',
    token: 't.o.k',
    WebSocket: server.WebSocket,
    ...options,
    doc,
  })
  server.pair.accept()
  return { server, connection, doc }
}

const EMPTY_VECTOR = Y.encodeStateVector(new Y.Doc())
const EMPTY_UPDATE = Y.encodeStateAsUpdate(new Y.Doc())
const step1: ServerMessage = { type: 'step1', stateVector: EMPTY_VECTOR }

/** Welcomed, and both step 1 answered. */
const synced = (options: Partial<ConnectOptions> = {}): Setup => {
  const setup = connect(options)
  setup.server.say(WELCOME, step1, { type: 'step2', update: EMPTY_UPDATE })
  return setup
}

const types = (messages: readonly ClientMessage[]): string[] => messages.map(({ type }) => type)
const text = (doc: Y.Doc): Y.Text => doc.getText('text')
const docWith = (content: string): Y.Doc => {
  const doc = new Y.Doc()
  text(doc).insert(0, content)
  return doc
}
const aware = () => {
  const doc = new Y.Doc()
  const awareness = new awarenessProtocol.Awareness(doc)
  awareness.setLocalState({ user: 'me' })
  return { doc, awareness }
}

const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  return assert.unreachable('expected a rejection')
}

test('[K7] offers plenum.v1 and the token, and puts the token nowhere else', () => {
  const { server } = connect()
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t.o.k'])
  assert.is(server.pair.url, 'ws://host/base/sync/demo?renewals=no')
})

test('[K7] refuses what cannot be a URL, a name or a token before it opens anything', () => {
  const doc = new Y.Doc()
  throwsCode('bad_request', () => connectSpace({ url: 'nowhere', space: 'demo', token: 't', doc }))
  throwsCode('bad_name', () => connect({ space: 'a//b' }))
})

test('[K7] a server that selects another subprotocol is left', () => {
  const server = new ScriptedServer()
  const doc = new Y.Doc()
  const connection = connectSpace({
    url: 'ws://host',
    space: 'demo',
    token: 't',
    doc,
    WebSocket: server.WebSocket,
  })
  server.pair.accept('yjs')
  assert.is(connection.closed?.code, 4426)
})

test('[K7] a server that is too old is left', () => {
  const { server, connection } = connect()
  server.say({ ...WELCOME, version: 0 })
  assert.is(connection.closed?.code, 4426)
})

test('[K8] sends nothing before the welcome, then its step 1', () => {
  const { server, connection, doc } = connect()
  text(doc).insert(0, 'early')
  assert.equal(server.take(), [])
  const [asked, ...rest] = server.say(WELCOME)
  assert.equal(asked, { type: 'step1', stateVector: Y.encodeStateVector(doc) })
  assert.equal(rest, [])
  assert.equal(connection.welcome, WELCOME)
})

test('[K8] anything else before the welcome is malformed', () => {
  for (const message of [step1, { type: 'saved', count: 0, position: 0 } as const]) {
    const { server, connection } = connect()
    server.say(message)
    assert.is(connection.closed?.code, 4400)
  }
})

test('[K8] answers step 1 with what the server lacks; edits before that travel in the answer', () => {
  const { server, doc } = connect({ doc: docWith('offline') })
  server.say(WELCOME)
  text(doc).insert(0, 'early ')
  const [answer, ...rest] = server.say(step1)
  assert.equal(rest, [])
  const copy = new Y.Doc()
  Y.applyUpdate(copy, (answer as DocumentMessage).update)
  assert.is(text(copy).toString(), 'early offline')
})

test('[K8] relays edits as one update each, and never what came from the server', () => {
  const { server, doc } = synced()
  text(doc).insert(0, 'a')
  text(doc).insert(1, 'b')
  assert.equal(types(server.take()), ['update', 'update'])
  assert.equal(server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('remote')) }), [])
  assert.match(text(doc).toString(), 'remote')
})

test('[K8] is synced with the first step 2', async () => {
  const { server, connection, doc } = connect()
  const whenSynced = connection.whenSynced()
  server.say(WELCOME, step1)
  assert.is(connection.isSynced, false)
  server.say({ type: 'step2', update: Y.encodeStateAsUpdate(docWith('stored')) })
  await whenSynced
  await connection.whenSynced()
  assert.is(text(doc).toString(), 'stored')
})

test('[K2] is saved when the reply and every later update are acknowledged', async () => {
  const { server, connection, doc } = connect()
  const states: string[] = []
  connection.on('saveState', state => states.push(state))
  server.say(WELCOME, step1)
  text(doc).insert(0, 'a')
  const whenSaved = connection.whenSaved()
  server.say({ type: 'saved', count: 1, position: 1 })
  assert.is(connection.saveState, 'saving')
  server.say({ type: 'saved', count: 2, position: 2 })
  await whenSaved
  assert.equal(states, ['saving', 'saved'])
  assert.is(connection.ledger.position, 2)
})

test('[K2] the next connection goes on with the ledger of the last one', () => {
  const first = synced()
  first.server.say({ type: 'saved', count: 1, position: 1 })
  first.server.pair.cut()
  assert.is(first.connection.saveState, 'offline')
  const { connection, server } = connect({ doc: first.doc, ledger: first.connection.ledger })
  server.say({ ...WELCOME, epoch: 'e2' }, step1)
  assert.is(connection.ledger.isUnsaved, true)
  server.say({ type: 'saved', count: 1, position: 1 })
  assert.is(connection.saveState, 'saved')
})

test('[K3] an ack for what was never sent closes the connection', () => {
  const { server, connection } = synced()
  server.say({ type: 'saved', count: 2, position: 0 })
  assert.is(connection.closed?.code, 4400)
})

test('[K5] a non-empty copy of another incarnation is neither merged nor sent', () => {
  const { server, connection, doc } = connect({ doc: docWith('old'), knownIncarnation: 'i0' })
  const sent = server.say(WELCOME, step1, { type: 'step2', update: Y.encodeStateAsUpdate(docWith('new')) })
  assert.equal(sent, [])
  assert.is(connection.closed?.code, 4409)
  assert.is(server.close?.code, 4409)
  assert.is(text(doc).toString(), 'old')
})

test('[K5] an empty copy adopts the incarnation', () => {
  const { server, connection } = connect({ knownIncarnation: 'i0' })
  server.say(WELCOME)
  assert.is(connection.ledger.incarnation, 'i1')
})

test('[K6] after a refusal nothing of the document is sent any more', async () => {
  const { server, connection, doc } = synced()
  const rejections: unknown[] = []
  connection.on('rejected', rejected => rejections.push(rejected))
  text(doc).insert(0, 'a')
  const whenSaved = connection.whenSaved()
  const refusal = { type: 'rejected', number: 2, code: 'too_large', reason: 'no room' } as const
  server.say(refusal)
  text(doc).insert(0, 'b')
  assert.equal(server.say(step1), [])
  assert.equal(rejections, [refusal])
  assert.is(connection.saveState, 'rejected')
  await rejectsWithCode('too_large', whenSaved)
})

test('[K6] a frame over the server’s limit is not sent: it would be refused after every reconnect', () => {
  const { server, connection, doc } = connect()
  server.say({ ...WELCOME, limits: { ...WELCOME.limits, maxFrameBytes: 100 } }, step1)
  text(doc).insert(0, 'x'.repeat(200))
  assert.is(connection.closed?.code, 4413)
  assert.equal(server.take(), [])
})

test('[K9] a server message that leaves the document pending is followed by one step 1 per state vector', () => {
  const { server, doc } = synced()
  const author = docWith('a')
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'bcd') text(author).insert(text(author).length, letter)
  const update = (at: number): ServerMessage => ({ type: 'update', update: updates[at] as Uint8Array })

  assert.equal(server.say(update(0)), [])
  text(doc).insert(0, '!')
  server.take()
  assert.equal(types(server.say(update(1))), ['step1'])
  assert.equal(server.say(update(2)), [])
  server.say({ type: 'step2', update: Y.encodeStateAsUpdate(author) })
  assert.match(text(doc).toString(), 'abcd')
  assert.equal(server.say(update(2)), [])
})

test('[K10] an update that cannot be applied closes the connection', () => {
  for (const update of [Uint8Array.of(9, 9, 9), Uint8Array.of(1, 1)]) {
    const { server, connection } = synced()
    server.say({ type: 'update', update })
    assert.is(connection.closed?.code, 4400)
  }
})

test('[K10] malformed frames, text frames and messages for others close it', () => {
  const frames = [
    Uint8Array.of(),
    Uint8Array.of(99),
    Uint8Array.of(0, 2, 50, 1),
    Uint8Array.of(1, 1, 5),
    Uint8Array.of(2, 0, 0),
    Uint8Array.of(0, 0, 1, 200),
  ]
  for (const frame of frames) {
    const { doc, awareness } = aware()
    const { server, connection } = synced({ doc, awareness })
    server.say(frame)
    assert.is(connection.closed?.code, 4400, `frame ${frame}`)
    awareness.destroy()
  }
  const { server, connection } = synced()
  server.pair.client.dispatch('message', { data: 'text' })
  assert.is(connection.closed?.code, 4400)
})

test('[K10] an observer of the app that throws harms neither the document nor the connection', async () => {
  const { server, connection, doc } = synced()
  const uncaught = new Promise(resolve => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', error => {
      for (const listener of listeners) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
  const bug = new Error('a bug of the app')
  text(doc).observe(() => {
    throw bug
  })
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('x')) })
  assert.is(await uncaught, bug)
  assert.is(connection.closed, null)
  assert.is(text(doc).toString(), 'x')
})

const entriesOf = (awareness: awarenessProtocol.Awareness): ServerMessage => ({
  type: 'awareness',
  entries: awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID]),
})

const announced = (messages: readonly ClientMessage[]): unknown[] =>
  messages.flatMap(message => {
    if (message.type !== 'awareness') return []
    const copy = new awarenessProtocol.Awareness(new Y.Doc())
    copy.setLocalState(null)
    awarenessProtocol.applyAwarenessUpdate(copy, message.entries, null)
    copy.destroy()
    return [Object.fromEntries(copy.getStates())]
  })

test('[K11] announces its own state once welcomed and on each change, and never another’s', () => {
  const { doc, awareness } = aware()
  const { server } = connect({ doc, awareness })
  assert.equal(announced(server.say(WELCOME, step1)), [{ [doc.clientID]: { user: 'me' } }])
  const peer = aware()
  assert.equal(server.say(entriesOf(peer.awareness)), [])
  assert.equal(awareness.getStates().get(peer.doc.clientID), { user: 'me' })
  awareness.setLocalState({ user: 'me', cursor: 1 })
  assert.equal(announced(server.take()), [{ [doc.clientID]: { user: 'me', cursor: 1 } }])
  peer.awareness.destroy()
  awareness.destroy()
})

test('[K11] a nudge about its own client is answered by a fresh announcement', () => {
  const { doc, awareness } = aware()
  const { server } = connect({ doc, awareness })
  server.say(WELCOME, step1)
  const states = new Map<number, { [key: string]: unknown }>()
  const nudge = awarenessProtocol.encodeAwarenessUpdate(awareness, [doc.clientID], states)
  assert.equal(announced(server.say({ type: 'awareness', entries: nudge })), [
    { [doc.clientID]: { user: 'me' } },
  ])
  awareness.destroy()
})

test('[K11] when the connection ends, others are gone and the own state stays', () => {
  const { doc, awareness } = aware()
  const { server } = synced({ doc, awareness })
  const peer = aware()
  server.say(entriesOf(peer.awareness))
  server.pair.cut()
  assert.equal([...awareness.getStates().keys()], [doc.clientID])
  peer.awareness.destroy()
  awareness.destroy()
})

test('[K12] hands in a fresh token in place, and tells what came of it', () => {
  const { server, connection } = synced()
  const told: unknown[] = []
  connection.on('access', access => told.push(access))
  connection.authenticate('fresh')
  assert.equal(server.take(), [{ type: 'authenticate', token: 'fresh' }])
  const access = { type: 'access', role: 'read', expiresAtMs: 7 } as const
  server.say(access)
  assert.equal(told, [access])
})

test('[K12] tells notices', () => {
  const { server, connection } = synced()
  const told: string[] = []
  connection.on('notice', ({ kind }) => told.push(kind))
  server.say({ type: 'notice', kind: 'draining', retryAfterMs: 500 })
  assert.equal(told, ['draining'])
})

test('[K13] reports the server’s close once, and every promise rejects with it', async () => {
  const { server, connection } = connect()
  const closes: unknown[] = []
  connection.on('closed', close => closes.push(close))
  const waiting = [connection.whenSynced(), connection.whenSaved()].map(rejection)
  server.pair.server.close(4503, 'draining')
  server.pair.deliverAll()
  for (const error of await Promise.all(waiting)) {
    assert.instance(error, ConnectionClosed)
    assert.equal((error as ConnectionClosed).close, { code: 4503, reason: 'draining' })
  }
  assert.instance(await rejection(connection.whenSynced()), ConnectionClosed)
  connection.close()
  assert.equal(closes, [{ code: 4503, reason: 'draining' }])
})

test('[K13] close() lets what was sent go out, then is silent', () => {
  const { server, connection, doc } = synced()
  text(doc).insert(0, 'last')
  connection.close()
  text(doc).insert(0, 'after')
  assert.equal(types(server.take()), ['update'])
  assert.is(server.close?.code, 1000)
  assert.is(connection.ledger.link.state, 'closed')
})

test('[K13] a refused or lost socket is a close with 1006', () => {
  const server = new ScriptedServer()
  const doc = new Y.Doc()
  const connection = connectSpace({
    url: 'ws://host',
    space: 'demo',
    token: 't',
    doc,
    WebSocket: server.WebSocket,
  })
  server.pair.cut()
  assert.equal(connection.closed, { code: 1006, reason: '' })
})
