/** What becomes of a member, by the clock. */
import { leaveReasonOf } from '../../../server/space/leave-reason.js'
import { acted, ended, entered, exited, type RosterMember } from '../../../server/space/members.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('members')

const GRACE_MS = 30_000
const ANN = { user: 'ann', name: 'Ann' }
const enter = (before: RosterMember | undefined, nowMs: number): RosterMember =>
  entered(before, ANN, nowMs, GRACE_MS)

test('[A13] a stay begins with the first connection, and further ones do not change that', () => {
  const first = enter(undefined, 100)
  assert.equal(first, { ...ANN, connections: 1, joinedAtMs: 100, lastSeenMs: 100, left: null })
  const second = enter(first, 200)
  assert.equal(second, { ...first, connections: 2 })
  assert.equal(exited(second, 'closed', 300), first)
})

test('[A13] the last connection ends it, and within the grace it goes on', () => {
  const left = exited(enter(undefined, 100), 'timeout', 200)
  assert.equal([left.connections, left.left], [0, { atMs: 200, reason: 'timeout' }])
  assert.equal(enter(left, 200 + GRACE_MS), enter(undefined, 100))
  const late = enter(left, 201 + GRACE_MS)
  assert.equal([late.joinedAtMs, late.lastSeenMs, late.left], [201 + GRACE_MS, 201 + GRACE_MS, null])
})

test('[A13] a token without a name leaves the name that is known', () => {
  const named = enter(undefined, 1)
  assert.is(entered(named, { user: 'ann', name: null }, 2, GRACE_MS).name, 'Ann')
  assert.is(entered(named, { user: 'ann', name: 'Anna' }, 2, GRACE_MS).name, 'Anna')
})

test('[A14] what was last seen never runs backwards', () => {
  const member = acted(enter(undefined, 100), 200)
  assert.is(member.lastSeenMs, 200)
  assert.is(acted(member, 150), member)
  assert.equal(exited(member, 'closed', 150).left, { atMs: 200, reason: 'closed' })
})

test('[A15] who was here when the process ended left when it was last alive', () => {
  const here = { ...enter(undefined, 100), connections: 3 }
  assert.equal(ended(here, 500).left, { atMs: 500, reason: 'timeout' })
  assert.equal(ended(acted(here, 700), 500).left, { atMs: 700, reason: 'timeout' })
  assert.is(ended(here, 500).connections, 0)
  const left = exited(enter(undefined, 100), 'closed', 200)
  assert.is(ended(left, 500), left)
})

test('[A15] codes that a connection was closed with are told as one of four reasons', () => {
  const reasons = {
    replaced: ['replaced'],
    timeout: ['too_slow'],
    evicted: ['malformed', 'forbidden', 'revoked', 'token_expired', 'rate_limited', 'too_large'],
    closed: ['draining', 'internal', 'degraded', 'load_failed'],
  } as const
  for (const [reason, codes] of Object.entries(reasons)) {
    for (const code of codes) assert.is(leaveReasonOf(code), reason, code)
  }
})
