/** A room without React, against a server that the test plays. */
import * as Y from 'yjs'
import { openRoom, type Room, type RoomOptions } from '../../../client/room/room.js'
import type { ServerMessage } from '../../../shared/protocol/index.js'
import { throwsCode } from '../../support/expect.js'
import { FakeClock } from '../../support/fake-clock.js'
import { MemoryDisk } from '../../support/memory-persistence.js'
import { ScriptedServer, WELCOME } from '../../support/scripted-server.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('rooms')

const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(new Y.Doc()) }
const emptyStep2: ServerMessage = { type: 'step2', update: Y.encodeStateAsUpdate(new Y.Doc()) }
const NOW_MS = WELCOME.serverTimeMs
const roster: ServerMessage = {
  type: 'roster',
  isWhole: true,
  serverTimeMs: NOW_MS,
  members: ['ann', 'bob'].map(user => ({
    user,
    name: null,
    connections: 1,
    joinedAtMs: NOW_MS,
    lastSeenMs: NOW_MS,
    left: null,
  })),
  forgotten: [],
} as ServerMessage

const rooms: Room[] = []
test.after.each(() => {
  for (const room of rooms.splice(0)) room.close()
})

const create = (options: Partial<RoomOptions> = {}) => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const asked: string[] = []
  const room = openRoom({
    url: 'https://host/base/',
    space: 'demo',
    token: 't.o.k',
    fetch: async url => {
      asked.push(url)
      return new Response('', { status: 503 })
    },
    ...options,
    provider: { WebSocketPolyfill: server.WebSocket, clock, hints: () => () => {}, disableBc: true },
  })
  rooms.push(room)
  return { room, server, clock, asked }
}

const connect = async (setUp: ReturnType<typeof create>, ...messages: ServerMessage[]): Promise<void> => {
  await until('a socket is made', () => setUp.server.hasPair)
  setUp.server.pair.accept()
  setUp.server.say(WELCOME, step1, emptyStep2, ...messages)
}

const count = (subscribe: (listener: () => void) => () => void): (() => number) => {
  let told = 0
  subscribe(() => told++)
  return () => told
}

test('[J8] the stores of a room tell what happens, and only what concerns them', async () => {
  const setUp = create({ presence: { mood: 'calm' } })
  const { room, server } = setUp
  assert.is(room.connection.get().state, 'connecting')
  const told = {
    connection: count(room.connection.subscribe),
    roster: count(room.roster.subscribe),
    intentions: count(room.intentions.subscribe),
    space: count(room.space.subscribe),
  }
  await connect(setUp, roster)
  assert.is(server.pair.url.replace(/\?.*/, ''), 'wss://host/base/sync/demo')
  assert.is(room.connection.get().state, 'connected')
  assert.is(room.connection.get(), room.connection.get())
  assert.is(room.isReady.get(), true)
  assert.is(room.user, 'ann')
  assert.equal(
    room.roster.get().members.map(({ user }) => user),
    ['ann', 'bob'],
  )
  assert.equal(
    room.presence.get().map(({ user, isSelf, state }) => [user, isSelf, state]),
    [['ann', true, { mood: 'calm' }]],
  )
  const before = { ...counts(told) }
  server.say(roster)
  room.setPresence({ mood: 'calm' })
  assert.equal(counts(told), before)
  room.intentions.get().propose('Halve it')
  assert.is(room.intentions.get().intentions[0]?.by, 'ann')
  assert.equal(counts(told), { ...before, intentions: before.intentions + 1 })
  room.setPresence({ mood: undefined })
  assert.equal(
    room.presence.get().map(({ state }) => Object.keys(state)),
    [[]],
  )
})

const counts = <Name extends string>(told: Record<Name, () => number>): Record<Name, number> =>
  Object.fromEntries(Object.entries<() => number>(told).map(([name, ask]) => [name, ask()])) as Record<
    Name,
    number
  >

test('[J1] a room is open as long as somebody holds it, and through the tick in which nobody does', async () => {
  const setUp = create()
  const { room, clock } = setUp
  const release = room.retain()
  release()
  const again = room.retain()
  await undefined
  assert.not(room.isClosed)
  await connect(setUp)
  again()
  again()
  await undefined
  assert.ok(room.isClosed)
  assert.is(clock.pending, 0)
  assert.equal(room.connection.get(), { state: 'offline', retryInMs: null, tokenError: null })
  throwsCode('not_connected', () => room.signal('hello'))
})

test('[J6] what the token function throws is in the state of the connection until it has answered', async () => {
  const outage = new Error('the backend is away')
  const answer: { now: () => string } = {
    now: () => {
      throw outage
    },
  }
  const setUp = create({ token: () => answer.now() })
  const { room, clock } = setUp
  await until('it is offline', () => room.connection.get().state === 'offline')
  assert.is(room.connection.get().tokenError, outage)
  answer.now = () => 't.o.k'
  clock.advance(10_000)
  await connect(setUp)
  assert.equal(room.connection.get(), { state: 'connected', tokenError: null })
})

test('[J6] a token function that has been replaced says nothing any more', async () => {
  let fail = (_error: Error): void => {}
  const setUp = create({
    token: () =>
      new Promise((_resolve, reject) => {
        fail = reject
      }),
  })
  const { room } = setUp
  await undefined
  room.authenticate('t.o.k')
  fail(new Error('the backend is away'))
  await connect(setUp)
  assert.equal(room.connection.get(), { state: 'connected', tokenError: null })
})

test('[J10] [J11] nobody is asked for a snapshot while live, nor where nobody looks', async () => {
  const setUp = create()
  const { room, clock, asked, server } = setUp
  const stop = room.presenceWithFallback.subscribe(() => {})
  await connect(setUp, roster)
  assert.is(room.presenceWithFallback.get().source, 'live')
  assert.is(room.age(room.presenceWithFallback.get()), null)
  clock.advance(20_000)
  server.pair.cut()
  const { stale, source, asOf, members } = room.presenceWithFallback.get()
  assert.equal([stale, source, asOf], [true, 'copy', NOW_MS])
  assert.equal(
    members.map(({ status }) => status),
    ['unknown', 'unknown'],
  )
  assert.is(room.age(room.presenceWithFallback.get()), 20_000)
  assert.equal(asked, [])
  stop()
  clock.advance(1_500)
  await undefined
  assert.equal(asked, [])
  assert.is(room.age(room.presenceWithFallback.get()), 21_500)
})

test('[J10] where no connection comes about, the snapshot is shown, with its age', async () => {
  const serverTime = 1_700_000_100_000
  const snapshot = {
    serverTime,
    members: [{ user: 'bob', name: 'Bob', connections: 1, joinedAt: 1, lastSeen: 2, left: null }],
    presence: [],
    intentions: [{ id: 'a', by: 'bob', text: 'x', status: 'active', createdAt: 1, modifiedAt: 1 }],
  }
  const { room, clock } = create({ user: 'ann', fetch: async () => Response.json(snapshot) })
  room.intentionsWithFallback.subscribe(() => {})
  assert.equal(room.intentionsWithFallback.get().source, 'none')
  clock.advance(1_000)
  await until('it is there', () => room.intentionsWithFallback.get().source === 'snapshot')
  clock.advance(500)
  const { intentions, stale, asOf } = room.intentionsWithFallback.get()
  assert.equal([intentions[0]?.by, stale, asOf], ['bob', true, serverTime])
  assert.is(room.age(room.intentionsWithFallback.get()), 500)
  assert.equal(
    room.presenceWithFallback.get().members.map(({ name, status }) => [name, status]),
    [['Bob', 'unknown']],
  )
  // What is written here is not hidden by what somebody else said before.
  room.intentions.get().propose('Halve it')
  assert.is(room.intentionsWithFallback.get().source, 'copy')
  assert.equal(
    room.intentionsWithFallback.get().intentions.map(({ text }) => text),
    ['Halve it'],
  )
})

test('[J12] after discarding the local copy every store is that of the new document', async () => {
  const setUp = create({ user: 'ann', presence: { mood: 'calm' } })
  const { room, server } = setUp
  await connect(setUp)
  const before = room.space.get()
  const spaces = count(room.space.subscribe)
  room.intentions.subscribe(() => {})
  room.intentions.get().propose('of the old copy')
  room.shared('map', 'settings').type.set('theme', 'dark')
  const pair = server.pair
  await Promise.all([room.discardLocal(), room.discardLocal()])
  assert.is(spaces(), 1)
  assert.is.not(room.space.get().doc, before.doc)
  assert.equal(room.shared('map', 'settings').store.get(), {})
  assert.equal(room.intentions.get().intentions, [])
  await until('it connects again', () => server.pair !== pair)
  server.pair.accept()
  server.say(WELCOME, step1, emptyStep2)
  assert.is(room.connection.get().state, 'connected')
  assert.equal(
    room.presence.get().map(({ state }) => state),
    [{ mood: 'calm' }],
  )
})

test('[J7] a kept copy is something to show, before there is a connection', async () => {
  const disk = new MemoryDisk()
  const offline = { open: disk.open, texts: disk }
  const earlier = create({ user: 'ann', offline }).room
  await earlier.space.get().provider.whenLoaded
  earlier.shared('map', 'settings').type.set('theme', 'dark')
  earlier.close()
  const { room } = create({ user: 'ann', offline })
  assert.is(room.isReady.get(), false)
  await until('it is loaded', () => room.isReady.get())
  assert.is(room.connection.get().state === 'connected', false)
  assert.equal(room.shared('map', 'settings').store.get(), { theme: 'dark' })
  assert.is(room.intentionsWithFallback.get().source, 'copy')
  assert.is(room.age(room.intentionsWithFallback.get()), null)
})
