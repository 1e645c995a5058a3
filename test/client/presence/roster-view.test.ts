/** What a client makes of the rosters that it is told. */
import { RosterView } from '../../../client/presence/roster-view.js'
import type { Roster, RosterMember } from '../../../shared/protocol/index.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('roster view')

const NOON = 1_700_000_000_000

const here = (user: string, over: Partial<RosterMember> = {}): RosterMember => ({
  user,
  name: user.toUpperCase(),
  connections: 1,
  joinedAtMs: NOON,
  lastSeenMs: NOON,
  left: null,
  ...over,
})
const left = (user: string, atMs: number): RosterMember =>
  here(user, { connections: 0, left: { atMs, reason: 'closed' } })
const roster = (isWhole: boolean, members: RosterMember[], forgotten: string[] = []): Roster => ({
  type: 'roster',
  isWhole,
  serverTimeMs: NOON,
  members,
  forgotten,
})
const whole = (...members: RosterMember[]): Roster => roster(true, members)
const delta = (...members: RosterMember[]): Roster => roster(false, members)

const setUp = (...members: RosterMember[]) => {
  let changes = 0
  const view = new RosterView(() => changes++)
  view.begin('ann')
  if (members.length > 0) view.take(whole(...members))
  const users = (): string => view.presence.members.map(({ user }) => user).join(' ')
  return { view, users, told: () => changes }
}

test('[P31] before the server has told a roster there is nobody, and nothing is live', () => {
  const { view } = setUp()
  assert.equal(view.presence, { members: [], self: null, isLive: false, asOf: null })
  view.take(delta(here('bob')))
  assert.equal(view.presence.members, [])
})

test('[P31] a member is told as the server has it', () => {
  const { view } = setUp(
    here('ann', { name: null, connections: 3, joinedAtMs: 1, lastSeenMs: 2 }),
    left('bob', 3),
  )
  assert.equal(view.presence.members, [
    {
      user: 'ann',
      name: 'ann',
      isSelf: true,
      status: 'here',
      connections: 3,
      joinedAt: 1,
      lastSeen: 2,
      left: null,
    },
    {
      user: 'bob',
      name: 'BOB',
      isSelf: false,
      status: 'left',
      connections: 0,
      joinedAt: NOON,
      lastSeen: NOON,
      left: { at: 3, reason: 'closed' },
    },
  ])
  assert.is(view.presence.self, view.presence.members[0])
  assert.is(view.get('bob'), view.presence.members[1])
  assert.is(view.get('carol'), null)
})

test('[P31] the longest stay comes first, then who left, the latest in front', () => {
  const { users } = setUp(
    left('old', 10),
    here('late', { joinedAtMs: 3 }),
    left('new', 20),
    here('early', { joinedAtMs: 1 }),
    here('b', { joinedAtMs: 2 }),
    here('a', { joinedAtMs: 2 }),
  )
  assert.is(users(), 'early a b late new old')
})

test('[P31] a delta changes those that it names, and nobody else', () => {
  const { view, users } = setUp(here('ann'), here('bob'), here('carol'), left('dan', 1))
  const before = view.presence
  view.take(roster(false, [here('bob', { lastSeenMs: NOON + 1 }), left('carol', NOON + 1)], ['dan']))
  assert.is(users(), 'ann bob carol')
  assert.is(view.get('ann'), before.members[0])
  assert.is(view.get('bob')?.lastSeen, NOON + 1)
  assert.is(view.get('carol')?.status, 'left')
  assert.is(before.members.length, 4)
  assert.is(before.members[1]?.lastSeen, NOON)
})

test('[P31] a whole roster is all that there is', () => {
  const { view, users } = setUp(here('ann'), here('bob'))
  view.take(whole(here('ann'), here('carol')))
  assert.is(users(), 'ann carol')
  assert.is(view.get('bob'), null)
})

test('[P31] what says nothing new is no change: the same objects, and nothing is told', () => {
  const { view, told } = setUp(here('ann'), left('bob', 1))
  const before = view.presence
  const count = told()
  view.take(delta(here('ann')))
  view.take(roster(false, [], ['nobody']))
  view.take(whole(here('ann'), left('bob', 1)))
  view.begin('ann')
  assert.is(view.presence, before)
  assert.is(told(), count)
  view.take(delta(here('ann', { connections: 2 })))
  assert.is.not(view.presence, before)
  assert.is.not(view.presence.members, before.members)
  assert.is(told(), count + 1)
})

test('[P31] each difference is a change', () => {
  const differences: RosterMember[] = [
    here('bob', { name: 'Robert' }),
    here('bob', { connections: 2 }),
    here('bob', { joinedAtMs: 1 }),
    here('bob', { lastSeenMs: 1 }),
    left('bob', 1),
  ]
  for (const difference of differences) {
    const { view, told } = setUp(here('bob'))
    view.take(delta(difference))
    assert.is(told(), 2, JSON.stringify(difference))
  }
  const gone = setUp(left('bob', 1))
  gone.view.take(delta(left('bob', 2)))
  gone.view.take(delta({ ...left('bob', 2), left: { atMs: 2, reason: 'timeout' } }))
  assert.is(gone.told(), 3)
})

test('[P31] nobody can change what is told', () => {
  const { view } = setUp(here('ann'), left('bob', 1))
  const { presence } = view
  for (const part of [presence, presence.members, presence.members[0], presence.members[1]?.left]) {
    assert.ok(Object.isFrozen(part))
  }
})

test('[P32] once the connection is lost nobody is here, and it is said as of when', () => {
  const { view, told } = setUp(here('ann', { connections: 2 }), here('bob'), left('carol', 1))
  const before = view.presence
  view.lose(NOON + 5)
  const { members, self, isLive, asOf } = view.presence
  assert.equal([isLive, asOf], [false, NOON + 5])
  assert.equal(
    members.map(({ status, connections }) => [status, connections]),
    [
      ['unknown', 0],
      ['unknown', 0],
      ['left', 0],
    ],
  )
  assert.is(self, members[0])
  assert.is(members[2], before.members[2])
  assert.is(told(), 2)
  // Another attempt fails: it is still as of then.
  const lost = view.presence
  view.lose(NOON + 9)
  assert.is(view.presence, lost)
  assert.is(told(), 2)
})

test('[P32] a connection is no knowledge yet: only its whole roster is', () => {
  const { view } = setUp(here('ann'), here('bob'))
  view.lose(NOON)
  const lost = view.presence
  view.begin('ann')
  view.take(delta(here('bob')))
  assert.is(view.presence, lost)
  view.take(whole(here('ann')))
  assert.equal([view.presence.isLive, view.presence.asOf], [true, null])
  assert.equal(
    view.presence.members.map(({ user, status }) => [user, status]),
    [['ann', 'here']],
  )
})

test('[P32] it is a change that nobody is known to be here any more, even where there was nobody', () => {
  const { view, told } = setUp(left('bob', 1))
  const { members } = view.presence
  view.lose(NOON)
  assert.is(told(), 2)
  assert.is(view.presence.members, members)
})
