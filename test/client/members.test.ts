/** Members and signals, as a provider and a connection have them, against a server that the test plays. */
import * as awarenessProtocol from 'y-protocols/awareness'
import * as Y from 'yjs'
import { connectSpace } from '../../client/connect-space.js'
import type { Member } from '../../client/presence/member.js'
import type { ReceivedSignal } from '../../client/presence/signals.js'
import type { SpaceProviderOptions } from '../../client/provider/provider-options.js'
import { SpaceProvider } from '../../client/space-provider.js'
import type { Notice, RosterMember, ServerMessage } from '../../shared/protocol/index.js'
import { throwsCode } from '../support/expect.js'
import { FakeClock } from '../support/fake-clock.js'
import { ScriptedServer, WELCOME } from '../support/scripted-server.js'
import { assert, suite } from '../support/suite.js'
import { until } from '../support/until.js'

const test = suite('members')

const NOW = WELCOME.serverTimeMs
const HOUR_MS = 3_600_000
const EMPTY = new Y.Doc()
const step1: ServerMessage = { type: 'step1', stateVector: Y.encodeStateVector(EMPTY) }
const step2: ServerMessage = { type: 'step2', update: Y.encodeStateAsUpdate(EMPTY) }
const here = (user: string, over: Partial<RosterMember> = {}): RosterMember => ({
  user,
  name: null,
  connections: 1,
  joinedAtMs: NOW,
  lastSeenMs: NOW,
  left: null,
  ...over,
})
const roster = (members: RosterMember[], over: object = {}): ServerMessage => ({
  type: 'roster',
  isWhole: true,
  serverTimeMs: NOW,
  members,
  forgotten: [],
  ...over,
})
const statuses = (members: readonly Member[]): string[] =>
  members.map(({ user, status }) => `${user} ${status}`)

const providers: SpaceProvider[] = []
const realNow = Date.now
test.after.each(() => {
  Date.now = realNow
  for (const provider of providers.splice(0)) provider.destroy()
})

const open = async (options: SpaceProviderOptions = {}) => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const provider = new SpaceProvider('ws://host/sync', 'demo', new Y.Doc(), {
    doors: ['websocket'],
    token: 'not to be read',
    WebSocketPolyfill: server.WebSocket,
    clock,
    hints: () => () => {},
    disableBc: true,
    ...options,
  })
  providers.push(provider)
  await until('a socket is made', () => server.hasPair)
  server.pair.accept()
  server.say(WELCOME, step1, step2)
  return { provider, server, clock }
}

/** Loses the connection, and comes back with another one that is open. */
const reconnect = async ({ provider, server, clock }: Awaited<ReturnType<typeof open>>): Promise<void> => {
  const before = server.pair
  before.cut()
  await until('it comes back', () => provider.ws !== null)
  clock.advance(10_000)
  await until('a socket is made', () => server.pair !== before)
  server.pair.accept()
}

test('[P31] a provider has the members that the server tells of, and knows which one it is', async () => {
  const { provider, server } = await open()
  const told: (readonly Member[])[] = []
  provider.on('members', members => told.push(members))
  assert.equal([provider.members, provider.self], [[], null])

  server.say(roster([here('bob', { joinedAtMs: NOW - 1 }), here('ann', { connections: 2 })]))
  assert.equal(statuses(provider.members), ['bob here', 'ann here'])
  assert.is(provider.self, provider.members[1])
  assert.is(provider.self?.isSelf, true)
  assert.is(provider.presence.isLive, true)

  const before = provider.members
  server.say(roster([here('ann', { connections: 2 })], { isWhole: false }))
  assert.is(provider.members, before)
  server.say(roster([], { isWhole: false, forgotten: ['bob'] }))
  assert.equal(statuses(provider.members), ['ann here'])
  assert.equal(told, [before, provider.members])
})

test('[P32] while there is no connection nobody is called here; the next one’s roster counts', async () => {
  const setUp = await open()
  const { provider, server, clock } = setUp
  server.say(roster([here('ann'), here('bob')]))
  clock.advance(20_000)
  server.say({ type: 'saved', count: 0, position: 1 })
  clock.advance(9_000)
  const told: string[][] = []
  provider.on('members', members => told.push(statuses(members)))

  await reconnect(setUp)
  assert.equal(statuses(provider.members), ['ann unknown', 'bob unknown'])
  assert.equal([provider.presence.isLive, provider.presence.asOf], [false, NOW + 20_000])
  assert.is(provider.self?.status, 'unknown')
  server.say({ ...WELCOME, serverTimeMs: NOW + 40_000 })
  assert.is(provider.presence.isLive, false)

  server.say(roster([here('ann')], { serverTimeMs: NOW + 40_000 }))
  assert.equal([provider.presence.isLive, provider.presence.asOf], [true, null])
  assert.equal(told, [['ann unknown', 'bob unknown'], ['ann here']])
})

test('[P32] whoever disconnects, is refused or is destroyed calls nobody here either', async () => {
  const ends: ((setUp: Awaited<ReturnType<typeof open>>) => void)[] = [
    ({ provider }) => provider.disconnect(),
    ({ provider }) => provider.destroy(),
    ({ server }) => {
      server.pair.server.close(4403, 'access denied')
      server.take()
    },
  ]
  for (const end of ends) {
    const setUp = await open()
    setUp.server.say(roster([here('ann')]))
    end(setUp)
    assert.equal(statuses(setUp.provider.members), ['ann unknown'])
  }
})

test('[P33] the date of this machine is of no account: not one that is wrong, and not one that jumps', async () => {
  // The provider's own clock, as it is in an app.
  const { clock: _, ...system } = { clock: undefined }
  for (const [wrongBy, jumpsBy] of [
    [3 * HOUR_MS, 0],
    [-3 * HOUR_MS, 0],
    [0, 5 * HOUR_MS],
    [0, -5 * HOUR_MS],
  ] as const) {
    Date.now = () => realNow() + wrongBy
    const server = new ScriptedServer()
    const provider = new SpaceProvider('ws://host/sync', 'demo', new Y.Doc(), {
      doors: ['websocket'],
      ...system,
      token: 't',
      WebSocketPolyfill: server.WebSocket,
      disableBc: true,
    })
    providers.push(provider)
    await until('a socket is made', () => server.hasPair)
    server.pair.accept()
    server.say(WELCOME, step1, step2, roster([here('ann', { lastSeenMs: NOW - 120_000 })]))
    Date.now = () => realNow() + wrongBy + jumpsBy

    const minutes = ((provider.serverNow() ?? 0) - (provider.self?.lastSeen ?? 0)) / 60_000
    assert.ok(minutes >= 2 && minutes < 2.5, `${minutes} minutes`)
    Date.now = realNow
  }
})

test('[P33] the server’s clock is known from the welcome on, and set right by rosters', async () => {
  const { provider, server, clock } = await open()
  assert.is(provider.serverNow(), NOW)
  clock.advance(20_000)
  assert.is(provider.serverNow(), NOW + 20_000)
  server.say(roster([], { serverTimeMs: NOW + 21_000 }))
  assert.is(provider.serverNow(), NOW + 21_000)
})

test('[P34] an awareness state is a member’s by the server’s stamp, on a connection that is there', async () => {
  const setUp = await open()
  const { provider, server } = setUp
  server.say(roster([here('ann'), here('bob')]))
  const peers: awarenessProtocol.Awareness[] = []
  const announce = (state: object): number => {
    const peer = new awarenessProtocol.Awareness(new Y.Doc())
    peers.push(peer)
    peer.setLocalState(state)
    const entries = awarenessProtocol.encodeAwarenessUpdate(peer, [peer.clientID])
    server.say({ type: 'awareness', entries })
    return peer.clientID
  }
  const first = announce({ plenum: { user: 'bob', joinedAt: NOW, lastSeen: NOW } })
  const second = announce({ plenum: { user: 'bob', joinedAt: NOW, lastSeen: NOW }, cursor: 1 })
  assert.is(provider.memberOf(first), provider.members[1])
  assert.is(provider.memberOf(second), provider.members[1])
  assert.is(provider.memberOf(provider.awareness.clientID), provider.self)
  assert.is(provider.memberOf(1), null)
  for (const odd of [
    {},
    { plenum: null },
    { plenum: 7 },
    { plenum: { user: 7 } },
    { plenum: { user: 'eve' } },
  ]) {
    assert.is(provider.memberOf(announce(odd)), null, JSON.stringify(odd))
  }

  await reconnect(setUp)
  // Such a state may come from a tab now, which can put anything into it.
  provider.awareness.states.set(first, { plenum: { user: 'bob' } })
  assert.is(provider.memberOf(first), null)
  for (const peer of peers) peer.destroy()
})

test('[P35] a signal goes out on an open connection, to everybody or to one', async () => {
  const { provider, server } = await open()
  provider.signal({ type: 'wave' })
  provider.signal(7, { to: 'bob' })
  assert.equal(server.take(), [
    { type: 'signal', to: null, json: '{"type":"wave"}' },
    { type: 'signal', to: 'bob', json: '7' },
  ])
})

test('[P35] without a connection a signal is refused at once, as is one that cannot be sent', async () => {
  const { provider, server } = await open()
  throwsCode('bad_request', () => provider.signal(undefined))
  throwsCode('too_large', () => provider.signal('a'.repeat(16_385)))
  assert.is(provider.connection.state, 'connected')
  server.pair.cut()
  throwsCode('not_connected', () => provider.signal('a'))
  const early = new SpaceProvider('ws://host/sync', 'demo', new Y.Doc(), { connect: false })
  providers.push(early)
  throwsCode('not_connected', () => early.signal('a'))
})

test('[P35] what came is told as data; what is no JSON is dropped; the server’s limits are notices', async () => {
  const { provider, server } = await open()
  const signals: ReceivedSignal[] = []
  const notices: Notice[] = []
  provider.on('signal', signal => signals.push(signal))
  provider.on('notice', notice => notices.push(notice))
  server.say(
    { type: 'signalled', from: 'bob', isDirect: true, json: '{"a":[1]}' },
    { type: 'signalled', from: 'bob', isDirect: false, json: '{' },
    { type: 'signalled', from: 'eve', isDirect: false, json: 'null' },
    { type: 'notice', kind: 'signals-limited', retryAfterMs: 1_000 },
    { type: 'notice', kind: 'signals-refused', retryAfterMs: 0 },
  )
  assert.equal(signals, [
    { from: 'bob', data: { a: [1] }, isDirect: true },
    { from: 'eve', data: null, isDirect: false },
  ])
  assert.equal(
    notices.map(({ kind, retryAfterMs }) => [kind, retryAfterMs]),
    [
      ['signals-limited', 1_000],
      ['signals-refused', 0],
    ],
  )
  assert.is(provider.connection.state, 'connected')
})

test('[P31] [P32] [P33] [P35] a connection of a program has the same', () => {
  const clock = new FakeClock()
  const server = new ScriptedServer()
  const connection = connectSpace({
    url: 'ws://host',
    space: 'demo',
    token: 't',
    doc: new Y.Doc(),
    WebSocket: server.WebSocket,
    clock,
  })
  const members: string[][] = []
  const signals: ReceivedSignal[] = []
  connection.on('members', told => members.push(statuses(told)))
  connection.on('signal', signal => signals.push(signal))
  throwsCode('not_connected', () => connection.signal('early'))
  assert.is(connection.serverNow(), null)
  server.pair.accept()
  server.say(WELCOME, roster([here('ann'), here('bob')]), {
    type: 'signalled',
    from: 'bob',
    isDirect: true,
    json: '1',
  })
  clock.advance(1_000)
  assert.is(connection.serverNow(), NOW + 1_000)
  assert.is(connection.self?.user, 'ann')
  assert.equal(signals, [{ from: 'bob', data: 1, isDirect: true }])
  throwsCode('too_large', () => connection.signal('a'.repeat(16_385)))
  connection.signal({ a: 1 }, { to: 'bob' })
  assert.equal(server.take().at(-1), { type: 'signal', to: 'bob', json: '{"a":1}' })

  connection.close()
  throwsCode('not_connected', () => connection.signal('late'))
  assert.equal(members, [
    ['ann here', 'bob here'],
    ['ann unknown', 'bob unknown'],
  ])
  assert.equal([connection.presence.isLive, connection.presence.asOf], [false, NOW])
  assert.is(connection.members.length, 2)
})
