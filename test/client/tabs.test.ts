/** Providers in one process, as tabs of one browser are: they share a broadcast channel. */
import * as broadcast from 'lib0/broadcastchannel'
import * as Y from 'yjs'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import { type ClientMessage, encodeMessage, type ServerMessage } from '../../shared/protocol/index.js'
import { FakeClock } from '../support/fake-clock.js'
import { ScriptedServer, WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('tabs')

const EMPTY = new Y.Doc()
const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(EMPTY) }
const step2: ServerMessage = { type: 'step2', update: Y.encodeStateAsUpdate(EMPTY) }

const providers: SpaceProvider[] = []
test.after.each(() => {
  for (const provider of providers.splice(0)) provider.destroy()
})

/** A space of its own per test: nothing of another may be heard here. */
let spaces = 0
test.before.each(() => {
  spaces++
})

const open = (options: SpaceProviderOptions = {}) => {
  const server = new ScriptedServer()
  const provider = new SpaceProvider('ws://host/sync', `tabs-${spaces}`, new Y.Doc(), {
    doors: ['websocket'],
    user: 'ann',
    token: 't.o.k',
    WebSocketPolyfill: server.WebSocket,
    clock: new FakeClock(),
    hints: () => () => {},
    ...options,
  })
  providers.push(provider)
  return { provider, server, text: provider.doc.getText('text') }
}

const connect = async (
  { server }: ReturnType<typeof open>,
  welcome: Partial<typeof WELCOME> = {},
): Promise<ClientMessage[]> => {
  await until('dialed', () => server.hasPair)
  server.pair.accept()
  return server.say({ ...WELCOME, ...welcome }, step1, step2)
}

test('[P20] content passes between tabs without a server, in both directions and from the first moment', () => {
  const first = open()
  first.text.insert(0, 'before ')
  const second = open()
  assert.is(second.text.toString(), 'before ')
  second.text.insert(7, 'after')
  assert.is(first.text.toString(), 'before after')
})

test('[P20] tabs of other users, spaces, servers and incarnations hear nothing', async () => {
  const first = open()
  const others = [open({ user: 'bob' }), open({ disableBc: true })]
  spaces++
  others.push(open())
  first.text.insert(0, 'secret')
  for (const { text } of others) assert.is(text.toString(), '')

  spaces++
  const [old, anew] = [open(), open()]
  await connect(old)
  await connect(anew, { incarnation: 'i2' })
  old.text.insert(0, 'old')
  assert.is(anew.text.toString(), '')
})

test('[P20] where nobody knows whose tab it is, nothing is shared, until a token says', async () => {
  const tokenOf = (sub: string): string => `h.${btoa(JSON.stringify({ sub }))}.s`
  const known = open({ user: 'ann' })
  known.text.insert(0, 'x')
  const { user: _, ...anonymous } = { user: undefined }
  const server = new ScriptedServer()
  const provider = new SpaceProvider('ws://host/sync', `tabs-${spaces}`, new Y.Doc(), {
    doors: ['websocket'],
    ...anonymous,
    token: async () => tokenOf('ann'),
    WebSocketPolyfill: server.WebSocket,
    clock: new FakeClock(),
  })
  providers.push(provider)
  assert.is(provider.bcconnected, false)
  await until('the token came', () => provider.bcconnected)
  assert.is(provider.doc.getText('text').toString(), 'x')
})

test('[P20] what came from a tab is unsaved, and is sent by this one as well', async () => {
  const [first, second] = [open(), open()]
  await connect(first)
  await connect(second)
  second.server.say({ type: 'saved', count: 1, position: 1 })
  assert.is(second.provider.saveState, 'saved')
  first.text.insert(0, 'a')
  assert.is(second.text.toString(), 'a')
  assert.is(second.provider.saveState, 'saving')
  assert.equal(
    second.server.take().map(({ type }) => type),
    ['update'],
  )
  second.server.say({ type: 'saved', count: 2, position: 2 })
  assert.is(second.provider.saveState, 'saved')
  assert.is(first.provider.saveState, 'saving')
})

test('[P20] what a reader edits, or the server has refused, does not spread', async () => {
  const [reader, other] = [open(), open()]
  await connect(reader, { role: 'read' })
  await connect(other)
  reader.text.insert(0, 'not allowed')
  assert.is(other.text.toString(), '')
  reader.server.say({ type: 'rejected', number: 2, code: 'read_only', reason: '' })
  assert.is(reader.provider.bcconnected, false)
  const third = open()
  await connect(third)
  assert.is(third.text.toString(), '')
})

test('[P21] awareness passes between tabs only while there is no server', async () => {
  const [first, second] = [open(), open()]
  const seen = (by: ReturnType<typeof open>, of: ReturnType<typeof open>): unknown =>
    by.provider.awareness.getStates().get(of.provider.doc.clientID)
  first.provider.awareness.setLocalState({ name: 'first' })
  second.provider.awareness.setLocalState({ name: 'second' })
  assert.equal(seen(second, first), { name: 'first' })

  await connect(first)
  await connect(second)
  assert.is(seen(first, second), undefined, 'what a tab told is forgotten: the server will say')
  first.provider.awareness.setLocalState({ name: 'online' })
  assert.is(seen(second, first), undefined)

  second.server.pair.cut()
  assert.is(seen(first, second), undefined, 'the one with a server neither listens nor answers')
  assert.is(seen(second, first), undefined)
  first.server.pair.cut()
  assert.equal(seen(second, first), { name: 'online' })
  assert.equal(seen(first, second), { name: 'second' })
  first.provider.destroy()
  assert.is(seen(second, first), undefined)
})

test('[P21] what comes from a tab counts for nothing else: no type from 100, no welcome, no synced', async () => {
  const { provider, text } = open()
  const frames = [
    Uint8Array.of(100, 1, 0),
    Uint8Array.of(101, 9, 9),
    Uint8Array.of(102, 1),
    Uint8Array.of(103, 1, 65),
    Uint8Array.of(200),
    Uint8Array.of(),
    Uint8Array.of(0, 2, 3, 9, 9, 9),
    Uint8Array.of(0, 0, 1, 200),
  ]
  const before = provider.saveState
  for (const frame of frames) broadcast.publish(provider.bcChannel, frame, 'a strange tab')
  broadcast.publish(provider.bcChannel, Uint8Array.of(0, 1, 2, 0, 0), 'a strange tab')
  assert.is(provider.saveState, before)
  assert.is(provider.synced, false)
  text.insert(0, 'still here')
})

test('[P21] nobody is here, and nothing is signalled, because a tab says so: neither with a server nor without', async () => {
  const tab = open()
  const { provider } = tab
  const told: unknown[] = []
  provider.on('members', members => told.push(members))
  provider.on('signal', signal => told.push(signal))
  const [user, json, left] = ['eve', '"hello"', null]
  const member = { user, name: 'Eve', connections: 1, joinedAtMs: 1, lastSeenMs: 1, left }
  const frames: ServerMessage[] = [
    { type: 'roster', isWhole: true, serverTimeMs: 1, members: [member], forgotten: [] },
    { type: 'signalled', from: 'eve', isDirect: true, json },
    { type: 'notice', kind: 'signals-refused', retryAfterMs: 0 },
  ]
  const say = (): void => {
    for (const frame of frames) broadcast.publish(provider.bcChannel, encodeMessage(frame), 'a strange tab')
    const signal = encodeMessage({ type: 'signal', to: null, json })
    broadcast.publish(provider.bcChannel, signal, 'a strange tab')
  }
  say()
  await connect(tab)
  say()
  assert.equal(told, [])
  assert.is(provider.serverNow(), WELCOME.serverTimeMs)
})

test('[P21] disconnect leaves the tabs, and connect comes back to them', () => {
  const [first, second] = [open(), open()]
  first.provider.disconnect()
  second.text.insert(0, 'missed')
  assert.is(first.text.toString(), '')
  first.provider.connect()
  assert.is(first.text.toString(), 'missed')
})
