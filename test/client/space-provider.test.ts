/** The provider against a server that the test plays, frame by frame. */
import * as awarenessProtocol from 'y-protocols/awareness'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { ConnectionClosed } from '../../client/channel/connection-closed.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import type { ClientMessage, DocumentMessage, ServerMessage } from '../../shared/protocol/index.js'
import { rejectsWithCode, throwsCode } from '../support/expect.js'
import { FakeClock } from '../support/fake-clock.js'
import { ScriptedServer, WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('space provider')

const EMPTY_UPDATE = Y.encodeStateAsUpdate(new Y.Doc())
const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) }
const emptyStep2: ServerMessage = { type: 'step2', update: EMPTY_UPDATE }
const saved = (count: number): ServerMessage => ({ type: 'saved', count, position: count })
const text = (doc: Y.Doc): Y.Text => doc.getText('text')
const docWith = (content: string): Y.Doc => {
  const doc = new Y.Doc()
  text(doc).insert(0, content)
  return doc
}
const types = (messages: readonly ClientMessage[]): string[] => messages.map(({ type }) => type)
const contentOf = (message: ClientMessage | undefined): string => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, (message as DocumentMessage).update)
  return text(doc).toString()
}

const providers: SpaceProvider[] = []
test.after.each(() => {
  for (const provider of providers.splice(0)) provider.destroy()
})

const create = (options: SpaceProviderOptions = {}, doc = new Y.Doc()) => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const provider = new SpaceProvider('http://host/sync/', 'demo', doc, {
    doors: ['websocket'],
    token: 't.o.k',
    WebSocketPolyfill: server.WebSocket,
    clock,
    hints: () => () => {},
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  const states: string[] = []
  provider.on('saveState', state => states.push(state))
  return { provider, server, doc, clock, states }
}

type SetUp = ReturnType<typeof create>

/** The handshake of the present attempt, once it has come to that. */
const accept = async ({ server }: SetUp, before: unknown = null): Promise<void> => {
  await until('a socket is made', () => server.hasPair && server.pair !== before)
  server.pair.accept()
}

const open = async (options: SpaceProviderOptions = {}, doc?: Y.Doc): Promise<SetUp> => {
  const setUp = create(options, doc)
  await accept(setUp)
  return setUp
}

/** Welcomed, and both step 1 answered. */
const synced = async (
  options: SpaceProviderOptions = {},
  doc?: Y.Doc,
  welcome: Partial<typeof WELCOME> = {},
): Promise<SetUp> => {
  const setUp = await open(options, doc)
  setUp.server.say({ ...WELCOME, ...welcome }, step1, emptyStep2)
  return setUp
}

/** Loses the connection, and comes back with a new one that is open and not welcomed. */
const reconnect = async (setUp: SetUp): Promise<void> => {
  const { server, clock, provider } = setUp
  const before = server.pair
  before.cut()
  await until('it comes back', () => provider.ws !== null)
  clock.advance(10_000)
  await accept(setUp, before)
}

test('[P12] is a stock provider: constructor, URL, events, and `synced`', async () => {
  const events: unknown[] = []
  const { provider, server } = create({ params: { a: 'b' } })
  assert.instance(provider, WebsocketProvider)
  provider.on('status', ({ status }) => events.push(status))
  provider.on('sync', isSynced => events.push(isSynced))
  await until('dialed', () => server.hasPair)
  assert.is(server.pair.url, 'ws://host/sync/demo?a=b&renewals=no')
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t.o.k'])
  server.pair.accept()
  server.say(WELCOME, step1, emptyStep2)
  assert.equal(events, ['connected', true])
  assert.is(provider.synced, true)
  server.pair.cut()
  assert.equal(events, ['connected', true, false, 'disconnected'])
})

test('[P12] refuses a name that no space can have', () => {
  throwsCode('bad_name', () => new SpaceProvider('ws://host/sync', 'a//b', new Y.Doc()))
})

test('[P12] answers step 1, and sends each change once and nothing back', async () => {
  const { server, doc } = await open({}, docWith('offline '))
  assert.equal(types(server.say(WELCOME)), ['step1', 'awareness'])
  text(doc).insert(0, 'early ')
  const [reply, ...rest] = server.say(step1)
  assert.is(contentOf(reply), 'early offline ')
  assert.equal(rest, [])
  text(doc).insert(0, 'a')
  assert.equal(types(server.take()), ['update'])
  assert.equal(server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('remote')) }), [])
  assert.match(text(doc).toString(), 'remote')
})

test('[P12] changes have the provider as their origin, and an update that cannot be applied ends it', async () => {
  const { server, doc, provider } = await synced()
  const origins: unknown[] = []
  doc.on('update', (_update, origin) => origins.push(origin))
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('x')) })
  assert.equal(origins, [provider])
  server.say({ type: 'update', update: Uint8Array.of(9, 9, 9) })
  assert.equal(provider.connection.state, 'closed')
})

test('[P13] a message that leaves the document pending is followed by one step 1', async () => {
  const { server } = await synced()
  const author = docWith('a')
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'bc') text(author).insert(text(author).length, letter)
  const update = (at: number): ServerMessage => ({ type: 'update', update: updates[at] as Uint8Array })
  assert.equal(types(server.say(update(1))), ['step1'])
  assert.equal(server.say(update(0)), [])
})

test('[P14] is saved when the reply and all that followed is acknowledged, and not before', async () => {
  const { server, doc, provider, states } = await open()
  assert.is(provider.saveState, 'offline')
  server.say(WELCOME)
  assert.is(provider.saveState, 'saving')
  server.say(saved(0))
  assert.is(provider.saveState, 'saving')
  server.say(step1)
  text(doc).insert(0, 'a')
  const whenSaved = provider.whenSaved()
  server.say(saved(1))
  assert.is(provider.saveState, 'saving')
  assert.is(provider.hasUnsavedEdits, true)
  server.say(saved(2))
  await whenSaved
  assert.is(provider.hasUnsavedEdits, false)
  assert.equal(states, ['saving', 'saved'])
})

test('[P14] an edit without a connection is saved by the next one, and whenSaved waits for it', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  server.say(saved(1))
  server.pair.cut()
  text(doc).insert(0, 'offline')
  const whenSaved = provider.whenSaved()
  assert.is(provider.saveState, 'offline')
  await reconnect(setUp)
  const [, , reply] = server.say(WELCOME, step1)
  assert.is(contentOf(reply), 'offline')
  assert.is(provider.saveState, 'saving')
  server.say(saved(1))
  await whenSaved
})

test('[P14] content of another provider is unsaved until this connection has it acknowledged', async () => {
  const { server, doc, provider } = await synced()
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(docWith('from elsewhere')), 'another provider')
  assert.is(provider.saveState, 'saving')
  assert.is(contentOf(server.take()[0]), 'from elsewhere')
  server.say(saved(2))
  assert.is(provider.saveState, 'saved')
})

test('[P14] after a new epoch nothing counts as saved before it was acknowledged again', async () => {
  const setUp = await synced()
  const { server, provider } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('of others')) }, saved(1))
  assert.is(provider.saveState, 'saved')
  await reconnect(setUp)
  server.say({ ...WELCOME, epoch: 'e2' }, saved(0))
  assert.is(provider.saveState, 'saving')
  assert.is(contentOf(server.say(step1)[0]), 'of others')
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
})

const refusal: ServerMessage = {
  type: 'rejected',
  number: 2,
  code: 'read_only',
  reason: 'this role may not edit',
}

test('[P15] a refusal is told with its reason, and nothing more of the document is sent', async () => {
  const { server, doc, provider } = await synced({}, undefined, { role: 'read' })
  const told: unknown[] = []
  provider.on('rejected', refusal => told.push(refusal))
  assert.is(provider.role, 'read')
  text(doc).insert(0, 'a')
  const whenSaved = provider.whenSaved()
  server.say(refusal)
  const expected = { code: 'read_only', reason: 'this role may not edit' }
  assert.equal(provider.rejected, expected)
  assert.equal(told, [expected])
  assert.is(provider.saveState, 'rejected')
  await rejectsWithCode('read_only', whenSaved)
  text(doc).insert(0, 'b')
  assert.equal(server.say(step1), [])
})

test('[P15] a reader who becomes a writer brings what was refused again', async () => {
  const setUp = await synced({}, undefined, { role: 'read' })
  const { server, doc, provider } = setUp
  text(doc).insert(0, 'at last')
  server.say(refusal)
  const before = server.pair
  server.say({ type: 'access', role: 'write', expiresAtMs: 0 })
  await accept(setUp, before)
  const sent = server.say(WELCOME, step1)
  assert.is(contentOf(sent.find(({ type }) => type === 'step2')), 'at last')
  server.say(saved(1))
  assert.is(provider.rejected, null)
  assert.is(provider.saveState, 'saved')
})

/** Two writers make the same words bold at once: in Yjs, marks are left that mean nothing. */
const twiceBold = (): Uint8Array[] => {
  const first = docWith('both at once')
  const base = Y.encodeStateAsUpdate(first)
  const second = new Y.Doc()
  Y.applyUpdate(second, base)
  const before = Y.encodeStateVector(first)
  for (const doc of [first, second]) text(doc).format(0, 4, { bold: true })
  return [base, Y.encodeStateAsUpdate(first, before), Y.encodeStateAsUpdate(second, before)]
}

for (const { role, cleansUp } of [
  { role: 'write', cleansUp: true },
  { role: 'read', cleansUp: false },
] as const) {
  test(`[C5] formats that mean nothing are ${cleansUp ? 'cleaned up by a writer' : 'left alone by a reader'}`, async () => {
    const { server, doc } = await synced({}, undefined, { role })
    text(doc)
    const deletions = (): number => Y.createDeleteSetFromStructStore(doc.store).clients.size
    const sent = server.say(...twiceBold().map(update => ({ type: 'update', update }) as const))
    assert.equal(text(doc).toDelta()[0], { insert: 'both', attributes: { bold: true } })
    assert.is(deletions() > 0, cleansUp)
    assert.equal(types(sent), cleansUp ? ['update'] : [])
  })
}

test('[P15] a reader who edited nothing is not told of what was left out', async () => {
  const reader = await synced({}, docWith('what a crash lost'), { role: 'read' })
  reader.server.say({ type: 'notice', kind: 'read-only', retryAfterMs: 0 }, saved(1))
  assert.is(reader.provider.saveState, 'saved')
  const editor = await open({}, docWith(''))
  text(editor.doc).insert(0, 'mine')
  editor.server.say({ ...WELCOME, role: 'read' }, step1, {
    type: 'notice',
    kind: 'read-only',
    retryAfterMs: 0,
  })
  assert.is(editor.provider.rejected?.code, 'read_only')
})

test('[P15] exportLocal gives all of it, and discardLocal a fresh document on another provider', async () => {
  const { server, doc, provider } = await synced({ user: 'ann' })
  provider.awareness.setLocalState({ name: 'Ann' })
  text(doc).insert(0, 'refused')
  server.say(refusal)
  const exported = new Y.Doc()
  Y.applyUpdate(exported, provider.exportLocal())
  assert.is(text(exported).toString(), 'refused')
  const before = server.pair
  const next = await provider.discardLocal()
  providers.push(next)
  assert.is(text(next.doc).toString(), '')
  assert.is(text(doc).toString(), 'refused')
  assert.equal(next.awareness.getLocalState(), { name: 'Ann' })
  assert.is(next.rejected, null)
  await until('the next one dials', () => server.pair !== before)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.t.o.k'])
})

test('[P16] a space that began anew is not merged: it stops, and the app merges', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  let conflicts = 0
  provider.on('conflict', () => conflicts++)
  text(doc).insert(0, 'old')
  server.take()
  await reconnect(setUp)
  const other = { ...WELCOME, incarnation: 'i2', epoch: 'e2' }
  const before = server.pair
  assert.equal(server.say(other, step1, { type: 'step2', update: Y.encodeStateAsUpdate(docWith('new')) }), [])
  assert.is(text(doc).toString(), 'old')
  assert.equal(provider.connection, {
    state: 'closed',
    code: 4409,
    reason: 'the local copy belongs to another incarnation',
  })
  assert.is(conflicts, 1)
  assert.is(provider.isConflict, true)
  await rejection(provider.whenSaved())

  provider.mergeLocal()
  await accept(setUp, before)
  const sent = server.say(other, step1)
  assert.is(contentOf(sent.find(({ type }) => type === 'step2')), 'old')
  server.say(saved(1))
  assert.is(provider.saveState, 'saved')
})

test('[P16] or discards, and begins with what the space is now', async () => {
  const setUp = await synced()
  const { server, doc, provider } = setUp
  text(doc).insert(0, 'old')
  await reconnect(setUp)
  const before = server.pair
  server.say({ ...WELCOME, incarnation: 'i2' })
  const next = await provider.discardLocal()
  providers.push(next)
  await accept(setUp, before)
  server.say({ ...WELCOME, incarnation: 'i2' }, step1, {
    type: 'step2',
    update: Y.encodeStateAsUpdate(docWith('new')),
  })
  assert.is(text(next.doc).toString(), 'new')
})

const rejection = async (promise: Promise<unknown>): Promise<ConnectionClosed> => {
  const error = await promise.then(
    () => null,
    reason => reason,
  )
  assert.instance(error, ConnectionClosed)
  return error
}

test('[P17] tells how it stands with the connection, and why it stopped', async () => {
  const setUp = create()
  const { provider, server } = setUp
  const told: string[] = []
  const closes: unknown[] = []
  provider.on('connection', ({ state }) => told.push(state))
  provider.on('closed', close => closes.push(close))
  assert.is(provider.connection.state, 'connecting')
  await accept(setUp)
  server.say(WELCOME)
  const whenSaved = provider.whenSaved()
  server.pair.server.close(4403, 'access revoked')
  server.take()
  assert.equal(provider.connection, { state: 'closed', code: 4403, reason: 'access revoked' })
  assert.equal(closes, [{ code: 4403, reason: 'access revoked' }])
  assert.equal((await rejection(whenSaved)).close.code, 4403)
  const before = server.pair
  provider.connect()
  await accept(setUp, before)
  assert.equal(told, ['connected', 'closed', 'connecting'])
})

test('[P17] a lost network is offline until the next attempt, which may be asked for', async () => {
  const setUp = await synced()
  const { provider, server } = setUp
  const before = server.pair
  before.cut()
  assert.equal(provider.connection, { state: 'offline', retryInMs: 250 })
  await until('it wants to come back', () => provider.ws !== null)
  provider.connect()
  await accept(setUp, before)
})

test('[P17] disconnect() is offline without a retry, and connect() resumes', async () => {
  const setUp = await synced()
  const { provider, server, clock } = setUp
  const before = server.pair
  provider.disconnect()
  assert.equal(provider.connection, { state: 'offline', retryInMs: null })
  assert.is(clock.pending, 0)
  provider.connect()
  await accept(setUp, before)
})

test('[P17] needs-auth after a refused token, and a new login resumes', async () => {
  const setUp = await open()
  const { provider, server } = setUp
  server.pair.server.close(4401, 'no valid token')
  server.take()
  assert.equal(provider.connection, { state: 'needs-auth', code: 4401, reason: 'no valid token' })
  const before = server.pair
  provider.authenticate(() => 'new.to.ken')
  await accept(setUp, before)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.new.to.ken'])
})

test('[P17] a new token is used instead of one that is still being fetched', async () => {
  let answer = (_token: string): void => {}
  const setUp = create({
    token: () =>
      new Promise(resolve => {
        answer = resolve
      }),
  })
  const { provider, server } = setUp
  await provider.whenLoaded
  await undefined
  provider.authenticate('f.r.esh')
  provider.authenticate('f.r.esher')
  await until('a socket is made', () => server.hasPair)
  assert.equal(server.pair.protocols, ['plenum.v1', 'bearer.f.r.esher'])
  answer('o.l.d')
  await accept(setUp)
  server.say(WELCOME, step1, emptyStep2)
  assert.is(provider.connection.state, 'connected')
})

test('[P17] a new token counts where the one before is still being judged', async () => {
  const refused = await open()
  const before = refused.server.pair
  refused.provider.authenticate('f.r.esh')
  before.server.close(4401, 'no valid token')
  refused.server.take()
  await accept(refused, before)
  assert.equal(refused.server.pair.protocols, ['plenum.v1', 'bearer.f.r.esh'])
  refused.server.pair.server.close(4401, 'no valid token')
  refused.server.take()
  await until('told', () => refused.provider.connection.state === 'needs-auth')

  const granted = await open()
  granted.provider.authenticate('f.r.esh')
  granted.server.say(WELCOME, step1, emptyStep2)
  await until('handed in', () => granted.server.take().some(({ type }) => type === 'authenticate'))
})

test('[P17] a token that comes after a newer one is not handed in', async () => {
  let answer = (_token: string): void => {}
  const { provider, server } = await synced()
  provider.authenticate(
    () =>
      new Promise(resolve => {
        answer = resolve
      }),
  )
  provider.authenticate('f.r.esh')
  answer('o.l.d')
  const handedIn: unknown[] = []
  for (let turn = 0; turn < 10; turn++) await undefined
  for (const message of server.take()) if (message.type === 'authenticate') handedIn.push(message.token)
  assert.equal(handedIn, ['f.r.esh'])
})

test('[P17] a new token while it is open is handed in, in place', async () => {
  const { provider, server } = await synced()
  provider.authenticate('f.r.esh')
  await until('handed in', () => server.take().some(({ type }) => type === 'authenticate'))
})

test('[P17] a source that turns to another user’s tokens has none to give', async () => {
  const tokenOf = (sub: string): string => `h.${btoa(JSON.stringify({ sub }))}.s`
  let user = 'ann'
  const setUp = await synced({ token: () => tokenOf(user) })
  user = 'bob'
  setUp.server.pair.cut()
  await until('it wants to come back', () => setUp.provider.ws !== null)
  setUp.clock.advance(10_000)
  await until('it stops', () => setUp.provider.connection.state === 'needs-auth')
})

/** What is thrown next where nobody catches it; the runner is not told. */
const nextUncaught = (): Promise<unknown> =>
  new Promise(resolve => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', error => {
      for (const listener of listeners) process.on('uncaughtException', listener)
      resolve(error)
    })
  })

test('[P17] the app may decide which closes are for good', async () => {
  const { provider, server } = await synced({ shouldReconnect: ({ code }) => code === 4403 })
  server.pair.server.close(4403, '')
  server.take()
  assert.is(provider.connection.state, 'offline')
  const other = await synced({ shouldReconnect: () => false })
  other.server.pair.cut()
  assert.is(other.provider.connection.state, 'closed')
})

test('[P17] where the app cannot say whether a close is for good, its code does', async () => {
  const uncaught = nextUncaught()
  const bug = new Error('a bug of the app')
  const shouldReconnect = (): boolean => {
    throw bug
  }
  const { provider, server } = await synced({ shouldReconnect })
  server.pair.cut()
  assert.is(provider.connection.state, 'offline')
  assert.is(await uncaught, bug)
})

const entriesOf = (awareness: awarenessProtocol.Awareness, states?: Map<number, object>): ServerMessage => ({
  type: 'awareness',
  entries: awarenessProtocol.encodeAwarenessUpdate(awareness, [awareness.clientID], states as never),
})

test('[P18] announces its own awareness only, and hears of others again after a reconnect at once', async () => {
  const setUp = await synced()
  const { provider, server } = setUp
  const peer = new awarenessProtocol.Awareness(new Y.Doc())
  peer.setLocalState({ name: 'peer' })
  assert.equal(server.say(entriesOf(peer)), [])
  provider.awareness.setLocalState({ name: 'me' })
  const [announced] = server.take()
  assert.is(announced?.type, 'awareness')
  await reconnect(setUp)
  assert.equal([...provider.awareness.getStates().keys()], [provider.doc.clientID])
  server.say(WELCOME, entriesOf(peer))
  assert.equal(provider.awareness.getStates().get(peer.clientID), { name: 'peer' })
  const nudge = entriesOf(provider.awareness, new Map())
  assert.equal(types(server.say(nudge)), ['awareness'])
  peer.destroy()
})

const listenedTo = (doc: Y.Doc): string[] => [
  ...(doc as unknown as { _observers: Map<string, unknown> })._observers.keys(),
]

test('[P19] destroy leaves no timer, no listener and no connection, and settles every promise', async () => {
  const { provider, server, doc, clock } = await synced()
  const whenSaved = provider.whenSaved()
  provider.destroy()
  provider.destroy()
  server.take()
  assert.is(server.close?.code, 1000)
  assert.is(clock.pending, 0)
  assert.is((await rejection(whenSaved)).close.code, 1000)
  provider.connect()
  text(doc).insert(0, 'after')
  assert.equal(server.take(), [])
  // Awareness never takes off its own.
  assert.equal(listenedTo(doc), [...listenedTo(new Y.Doc()), 'destroy'])
})

test('[P19] awareness that the app brought stays the app’s', async () => {
  const doc = new Y.Doc()
  const awareness = new awarenessProtocol.Awareness(doc)
  awareness.setLocalState({ name: 'me' })
  const { provider } = await synced({ awareness }, doc)
  provider.destroy()
  assert.equal(awareness.getLocalState(), { name: 'me' })
  awareness.destroy()
})

test('[P19] a listener that throws harms neither the provider nor the other listeners', async () => {
  const { provider, server } = await open()
  const uncaught = nextUncaught()
  const bug = new Error('a bug of the app')
  provider.once('saveState', () => {
    throw bug
  })
  server.say(WELCOME, step1, saved(1))
  assert.is(provider.saveState, 'saved')
  assert.is(await uncaught, bug)
})

/** The position that the client's last attempt asked to go on from. */
const askedFor = ({ server }: SetUp): string | null => new URL(server.pair.url).searchParams.get('after')
const told = (count: number, position: number): ServerMessage => ({ type: 'saved', count, position })

test('[P30] comes back with the position that it was told, and has nothing to say', async () => {
  const setUp = await synced()
  const { server, provider } = setUp
  assert.is(askedFor(setUp), null)
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('x'.repeat(50))) }, told(1, 7))
  await reconnect(setUp)
  assert.is(askedFor(setUp), 'e1:7')
  assert.is(provider.url, 'ws://host/sync/demo', 'the address stays what it is')
  const [reply] = server.say(WELCOME, step1).filter(({ type }) => type === 'step2')
  assert.equal((reply as DocumentMessage).update, EMPTY_UPDATE)
  assert.is(provider.saveState, 'saving')
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('missed')) }, emptyStep2, told(1, 8))
  assert.is(provider.synced, true)
  assert.is(provider.saveState, 'saved')
  assert.match(text(provider.doc).toString(), 'missed')
})

test('[P30] with something unsaved it says all of it, deletions included, and goes on from there all the same', async () => {
  const setUp = await synced()
  const { server, doc } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('abc')) }, told(1, 7))
  server.pair.cut()
  text(doc).delete(0, 1)
  await until('it comes back', () => setUp.provider.ws !== null)
  const before = server.pair
  setUp.clock.advance(10_000)
  await accept(setUp, before)
  assert.is(askedFor(setUp), 'e1:7')
  const known = { type: 'step1', stateVector: Y.encodeStateVector(doc) } as const
  const [reply] = server.say(WELCOME, known).filter(({ type }) => type === 'step2')
  assert.is(Y.decodeUpdate((reply as DocumentMessage).update).ds.clients.size, 1)
})

test('[P30] asked again after a message was discarded it says all of it', async () => {
  const { server, doc } = await synced()
  server.say(told(1, 1))
  text(doc).insert(0, 'discarded')
  const [reply] = server.say(step1).filter(({ type }) => type === 'step2')
  assert.is(contentOf(reply), 'discarded')
})

test('[P30] in another epoch it says all of it', async () => {
  const setUp = await synced()
  const { server } = setUp
  server.say({ type: 'update', update: Y.encodeStateAsUpdate(docWith('abc')) }, told(1, 7))
  await reconnect(setUp)
  const [reply] = server.say({ ...WELCOME, epoch: 'e2' }, step1).filter(({ type }) => type === 'step2')
  assert.is(contentOf(reply), 'abc')
  server.say(told(1, 3))
  await reconnect(setUp)
  assert.is(askedFor(setUp), 'e2:3')
})

test('[P30] does not go on from where something could not be applied, or is pending', async () => {
  const broken = await synced({ shouldReconnect: () => true })
  broken.server.say(told(1, 7))
  const before = broken.server.pair
  broken.server.say({ type: 'update', update: Uint8Array.of(9, 9, 9) })
  await until('it comes back', () => broken.provider.ws !== null)
  broken.clock.advance(10_000)
  await accept(broken, before)
  assert.is(askedFor(broken), null)

  const pending = await synced()
  const author = docWith('a')
  const updates: Uint8Array[] = []
  author.on('update', (update: Uint8Array) => updates.push(update))
  for (const letter of 'bc') text(author).insert(text(author).length, letter)
  pending.server.say({ type: 'update', update: updates[1]! }, told(1, 7))
  await reconnect(pending)
  assert.is(askedFor(pending), null)
})

test('[P30] a copy that was given up takes its position with it', async () => {
  const setUp = await synced()
  setUp.server.say(told(1, 7))
  const before = setUp.server.pair
  const next = await setUp.provider.discardLocal()
  providers.push(next)
  await accept(setUp, before)
  assert.is(askedFor(setUp), null)
})

test('[D52] tells which way it goes while it is connected', async () => {
  const setUp = create({ doors: ['websocket'] })
  assert.is(setUp.provider.door, null)
  await accept(setUp)
  assert.is(setUp.provider.door, null)
  setUp.server.say(WELCOME)
  assert.is(setUp.provider.door, 'websocket')
  setUp.provider.disconnect()
  assert.is(setUp.provider.door, null)
})

test('[D45] the stock watch, which takes the date for the time, is off', async () => {
  const { provider, clock } = await synced()
  provider.wsLastMessageReceived = 0
  // What the stock provider's interval would do every three seconds.
  assert.is((provider._checkInterval as unknown as { _destroyed: boolean })._destroyed, true)
  clock.advance(3_000)
  assert.is(provider.connection.state, 'connected')
})
