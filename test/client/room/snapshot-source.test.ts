/** Snapshots over HTTP: when they are asked for, and what becomes of the answers. */
import { readSnapshot, snapshotUrl } from '../../../client/room/snapshot.js'
import { SnapshotSource } from '../../../client/room/snapshot-source.js'
import { throwsCode } from '../../support/expect.js'
import { FakeClock } from '../../support/fake-clock.js'
import { assert, suite } from '../../support/suite.js'
import { until } from '../../support/until.js'

const test = suite('snapshots over HTTP')

const SNAPSHOT = {
  space: 'demo',
  serverTime: 1_700_000_000_000,
  members: [
    { user: 'ada', name: 'Ada', connections: 1, joinedAt: 1, lastSeen: 2, left: null },
    { user: 'bob', name: null, connections: 0, joinedAt: 1, lastSeen: 2, left: { at: 3, reason: 'closed' } },
    { user: 7 },
  ],
  presence: [{ clientId: 1, user: 'ada', state: { mood: 'calm' } }, { clientId: 'x' }],
  intentions: [
    { id: 'a', by: 'ada', text: 'Halve it', status: 'active', createdAt: 1, modifiedAt: 2, verified: true },
    { id: 'b' },
  ],
  invalid: [],
}

type Answer = () => Promise<Response>
const good: Answer = async () => Response.json(SNAPSHOT)

const create = (answer: { now: Answer }, token: () => string | Promise<string> = () => 't.o.k') => {
  const clock = new FakeClock()
  const asked: { url: string; headers: Readonly<Record<string, string>>; signal: AbortSignal }[] = []
  let told = 0
  const source = new SnapshotSource({
    url: 'http://host/api/spaces/demo/snapshot',
    clock,
    fetch: (url, init) => {
      asked.push({ url, ...init })
      return answer.now()
    },
    token: () => async () => token(),
    self: () => 'ada',
    onSnapshot: () => told++,
  })
  return { clock, asked, source, told: () => told }
}

/** All promises that can settle have. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
}

test('[J10] it is asked for after a moment, with the token, and again after half a minute', async () => {
  const { source, clock, asked, told } = create({ now: good })
  source.want(true)
  clock.advance(999)
  await settled()
  assert.is(asked.length, 0)
  clock.advance(1)
  await until('it is told', () => told() === 1)
  assert.is(asked[0]?.headers.Authorization, 'Bearer t.o.k')
  assert.is(source.latest?.snapshot.asOf, SNAPSHOT.serverTime)
  assert.is(source.latest?.atMs, 1_000)
  clock.advance(29_999)
  await settled()
  assert.is(asked.length, 1)
  clock.advance(1)
  await until('it is told again', () => told() === 2)
})

test('[J10] a connection that is there at once asks for nothing, and one that comes ends the asking', async () => {
  const answer: { now: Answer } = { now: () => new Promise(() => {}) }
  const { source, clock, asked } = create(answer)
  source.want(true)
  clock.advance(500)
  source.want(false)
  assert.is(clock.pending, 0)
  clock.advance(60_000)
  await settled()
  assert.is(asked.length, 0)

  source.want(true)
  clock.advance(1_000)
  await until('it asks', () => asked.length === 1)
  source.want(false)
  assert.is(clock.pending, 0)
  assert.ok(asked[0]?.signal.aborted)
  await settled()
  assert.is(clock.pending, 0)
})

test('[J10] a route that fails in any way for a minute is asked a few times, and what was there stays', async () => {
  const failures: Answer[] = [
    async () => new Response('no', { status: 503 }),
    async () => Promise.reject(new TypeError('no network')),
    async () => new Response('<html>', { status: 200 }),
    async () => Response.json({ nothing: true }),
    () => new Promise(() => {}),
  ]
  const answer: { now: Answer } = { now: good }
  const { source, clock, asked, told } = create(answer)
  source.want(true)
  clock.advance(1_000)
  await until('it is told', () => told() === 1)
  const { latest } = source
  let turn = 0
  answer.now = () => (failures[turn++ % failures.length] as Answer)()
  clock.advance(30_000)
  await settled()
  for (let second = 0; second < 60; second++) {
    clock.advance(1_000)
    await settled()
  }
  assert.ok(asked.length >= 4 && asked.length <= 10, `asked ${asked.length} times`)
  assert.is(source.latest, latest)
  assert.is(told(), 1)
  answer.now = good
  await until('it is told again', async () => {
    clock.advance(1_000)
    await settled()
    return told() === 2
  })
  assert.is.not(source.latest, latest)
})

test('[J10] whoever wants it anew again and again is kept waiting all the same', async () => {
  const { source, clock, asked } = create({ now: async () => new Response('no', { status: 503 }) })
  for (let second = 0; second < 60; second++) {
    source.want(second % 3 !== 2)
    clock.advance(1_000)
    await settled()
  }
  assert.ok(asked.length >= 3 && asked.length <= 10, `asked ${asked.length} times`)
})

test('[J10] a token function that throws is a failure like others', async () => {
  const { source, clock, asked } = create({ now: good }, () => {
    throw new Error('the backend is away')
  })
  source.want(true)
  clock.advance(1_000)
  await settled()
  assert.is(asked.length, 0)
  assert.is(clock.pending, 1)
})

test('[J10] what is not as it should be in an answer is left out, and nobody is called here', () => {
  const snapshot = readSnapshot(SNAPSHOT, 'ada')
  assert.equal(
    snapshot.members.map(({ user, name, status, isSelf }) => [user, name, status, isSelf]),
    [
      ['ada', 'Ada', 'unknown', true],
      ['bob', 'bob', 'left', false],
    ],
  )
  assert.equal(snapshot.windows, [
    { clientId: 1, user: 'ada', name: 'Ada', isSelf: false, state: { mood: 'calm' } },
  ])
  assert.equal(snapshot.intentions, [
    { id: 'a', by: 'ada', text: 'Halve it', status: 'active', createdAt: 1, modifiedAt: 2 },
  ])
  for (const json of [null, 1, [], {}, { serverTime: 'now' }]) {
    throwsCode('malformed', () => readSnapshot(json, null))
  }
})

test('[J10] the address is that of the API, below the base path', () => {
  assert.is(snapshotUrl('ws://host/base/', 'team/notes'), 'http://host/base/api/spaces/team%2Fnotes/snapshot')
  assert.is(snapshotUrl('https://host', 'demo'), 'https://host/api/spaces/demo/snapshot')
  throwsCode('bad_name', () => snapshotUrl('https://host', '../secret'))
})
