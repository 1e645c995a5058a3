/** Who may come in at all: origins, numbers, rates and penalties, on a clock of the test's. */
import { addressKey } from '../../../server/auth/address.js'
import {
  Admission,
  type AdmissionLimits,
  type Place,
  type Refusal,
  type Visit,
} from '../../../server/auth/admission.js'
import { isOriginAllowed } from '../../../server/auth/origin.js'
import { PENALTY_MS, PenaltyBox, STRIKE_WINDOW_MS } from '../../../server/auth/penalty-box.js'
import { RateWindow } from '../../../server/auth/rate-window.js'
import type { Access, Dialect } from '../../../server/space/peer.js'
import type { ErrorCode } from '../../../shared/errors.js'
import { parseSpaceName } from '../../../shared/names.js'
import { OPEN_LIMITS } from '../../support/open-door.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('admission')

const demo = parseSpaceName('demo')
const NO_PAGE = { origin: undefined, host: 'plenum.example' }
const accessOf = (user: string): Access => ({ user, name: null, role: 'write', expiresAtMs: null })

const admissionWith = (limits: Partial<AdmissionLimits>): Admission =>
  new Admission({ ...OPEN_LIMITS, ...limits })

const entered = (outcome: Place | Refusal): Place => {
  if ('leave' in outcome) return outcome
  throw new Error(`refused: ${outcome.message}`)
}

const refused = (outcome: Place | Visit | Refusal | null): ErrorCode => {
  if (outcome !== null && 'code' in outcome) return outcome.code
  throw new Error('not refused')
}

test('[G8] a listed origin may connect, exactly as listed', () => {
  const allowed = ['https://app.example']
  const host = 'plenum.example'

  assert.ok(isOriginAllowed({ origin: 'https://app.example', host }, allowed))
  for (const origin of [
    'http://app.example',
    'https://app.example:8443',
    'https://app.example.evil.example',
    'https://evil.example',
    'https://plenum.example',
    'null',
    '',
  ]) {
    assert.not(isOriginAllowed({ origin, host }, allowed), origin)
  }
})

test('[G8] without a list only pages of the same host may connect', () => {
  assert.ok(isOriginAllowed({ origin: 'http://localhost:1234', host: 'localhost:1234' }, []))
  assert.not(isOriginAllowed({ origin: 'http://app.example:5173', host: 'app.example:1234' }, []))
  assert.not(isOriginAllowed({ origin: 'null', host: 'localhost:1234' }, []))
  assert.not(isOriginAllowed({ origin: 'http://localhost:1234', host: undefined }, []))
})

test('[G8] without a list, pages of this machine may connect to a server on this machine, at any port', () => {
  assert.ok(isOriginAllowed({ origin: 'http://localhost:5173', host: '127.0.0.1:1234' }, []))
  assert.ok(isOriginAllowed({ origin: 'http://[::1]:5173', host: 'localhost:1234' }, []))
  assert.not(isOriginAllowed({ origin: 'http://localhost:5173', host: 'plenum.example' }, []))
  assert.not(isOriginAllowed({ origin: 'http://evil.example', host: 'localhost:1234' }, []))
  assert.not(isOriginAllowed({ origin: 'http://127.0.0.1.evil.example', host: 'localhost:1234' }, []))
})

test('[G8] a program sends no origin and may connect; a star lets every page in', () => {
  assert.ok(isOriginAllowed({ origin: undefined, host: 'a' }, ['https://app.example']))
  assert.ok(isOriginAllowed({ origin: 'https://any.example', host: 'a' }, ['*']))
  assert.is(
    refused(admissionWith({}).enter('192.0.2.1', { origin: 'https://any.example', host: 'a' }, 0)),
    'origin_denied',
  )
})

test('[G9] connections are limited in all, and a place that is left is free again', () => {
  const admission = admissionWith({ maxConnections: 2 })
  const first = entered(admission.enter('192.0.2.1', NO_PAGE, 0))
  entered(admission.enter('192.0.2.2', NO_PAGE, 0))

  assert.is(refused(admission.enter('192.0.2.3', NO_PAGE, 0)), 'rate_limited')
  first.leave()
  first.leave()

  assert.is(admission.connections, 1)
  entered(admission.enter('192.0.2.3', NO_PAGE, 0))
})

test('[G9] connections are limited per address', () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1 })
  const first = entered(admission.enter('192.0.2.1', NO_PAGE, 0))

  assert.is(refused(admission.enter('::ffff:192.0.2.1', NO_PAGE, 0)), 'rate_limited')
  entered(admission.enter('192.0.2.2', NO_PAGE, 0))
  first.leave()

  entered(admission.enter('192.0.2.1', NO_PAGE, 0))
})

test('[G9] connections are limited per space', () => {
  const admission = admissionWith({ maxPeersPerSpace: 1 })
  const enter = (): Place => entered(admission.enter('192.0.2.1', NO_PAGE, 0))
  const first = enter()
  assert.is(first.claim(demo, accessOf('ann'), 'plenum', 0), null)

  assert.is(refused(enter().claim(demo, accessOf('bob'), 'plenum', 0)), 'rate_limited')
  assert.is(enter().claim(parseSpaceName('other'), accessOf('bob'), 'plenum', 0), null)
  first.leave()

  assert.is(enter().claim(demo, accessOf('bob'), 'plenum', 0), null)
})

test('[G9] IPv6 addresses of one /64 count as one', () => {
  assert.is(addressKey('2001:db8:1:2::1'), addressKey('2001:0db8:1:2:ffff:ffff:ffff:ffff'))
  assert.is.not(addressKey('2001:db8:1:2::1'), addressKey('2001:db8:1:3::1'))
  assert.is(addressKey('::1'), addressKey('::2'))
  assert.is(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.is(addressKey('::FFFF:192.0.2.7'), '192.0.2.7')
})

test('[G10] an address that keeps coming without a token has to wait until the minute is over', () => {
  const admission = admissionWith({ maxFailedUpgradesPerMinute: 2 })
  for (const nowMs of [0, 1_000]) {
    const place = entered(admission.enter('192.0.2.1', NO_PAGE, nowMs))
    place.failed(nowMs)
    place.leave()
  }

  const refusal = admission.enter('192.0.2.1', NO_PAGE, 15_000) as Refusal

  assert.is(refusal.code, 'rate_limited')
  assert.is(refusal.retryAfterMs, 45_000)
  entered(admission.enter('192.0.2.2', NO_PAGE, 15_000))
  entered(admission.enter('192.0.2.1', NO_PAGE, 60_000))
})

const visited = (outcome: Visit | Refusal): Visit => {
  if ('leave' in outcome) return outcome
  throw new Error(`refused: ${outcome.message}`)
}

test('[X54] a user has so many requests open at a time; one that is over makes room once', () => {
  const admission = admissionWith({ maxRequestsPerUser: 2 })
  const first = visited(admission.visit('ann', 0))
  visited(admission.visit('ann', 0))

  assert.equal(admission.visit('ann', 0), {
    code: 'rate_limited',
    message: 'too many requests at a time',
    retryAfterMs: 1_000,
  })
  visited(admission.visit('bob', 0))
  first.leave()
  first.leave()

  visited(admission.visit('ann', 0))
  assert.is(refused(admission.visit('ann', 0)), 'rate_limited')
})

test('[X54] a user begins so many requests a minute, and what is refused does not count', () => {
  const admission = admissionWith({ maxRequestsPerMinute: 2 })
  for (const nowMs of [0, 1_000]) visited(admission.visit('ann', nowMs)).leave()

  for (const nowMs of [15_000, 59_999]) {
    const refusal = admission.visit('ann', nowMs) as Refusal
    assert.equal([refusal.code, refusal.retryAfterMs], ['rate_limited', 60_000 - nowMs])
  }
  visited(admission.visit('bob', 15_000))
  visited(admission.visit('ann', 60_000))
})

test('[G10] what is remembered of addresses is bounded and forgotten', () => {
  const window = new RateWindow(1, 1_000, 3)
  for (const key of ['a', 'b', 'c', 'd']) window.add(key, 0)

  assert.is(window.size, 3)
  assert.is(window.waitMs('a', 0), 0)
  assert.is(window.waitMs('d', 400), 600)
  window.sweep(1_000)
  assert.is(window.size, 0)
})

const boxed = (dialect: Dialect, code: ErrorCode, strikes: number, everyMs = 1_000): ErrorCode | null => {
  const box = new PenaltyBox()
  for (let i = 0; i < strikes; i++) box.strike('ann', demo, dialect, code, i * everyMs)
  return box.penalty('ann', demo, strikes * everyMs)?.code ?? null
}

test('[G11] two too large uploads within a minute keep that user out of that space for ten', () => {
  const box = new PenaltyBox()
  box.strike('ann', demo, 'plenum', 'too_large', 0)
  assert.is(box.penalty('ann', demo, 1), null)
  box.strike('ann', demo, 'plenum', 'too_large', STRIKE_WINDOW_MS)

  assert.equal(box.penalty('ann', demo, STRIKE_WINDOW_MS), { code: 'too_large', retryAfterMs: PENALTY_MS })
  assert.is(box.penalty('bob', demo, STRIKE_WINDOW_MS), null)
  assert.is(box.penalty('ann', parseSpaceName('other'), STRIKE_WINDOW_MS), null)
  assert.is(box.penalty('ann', demo, STRIKE_WINDOW_MS + PENALTY_MS), null)
})

test('[G11] strikes that lie further apart than a minute are forgotten', () => {
  assert.is(boxed('stock', 'too_large', 2, STRIKE_WINDOW_MS + 1), null)
})

test('[G11] a stock client that is accepted and closed for good twice is kept out; our own stops by itself', () => {
  assert.is(boxed('stock', 'malformed', 2), 'malformed')
  assert.is(boxed('stock', 'rate_limited', 2), 'rate_limited')
  assert.is(boxed('plenum', 'malformed', 2), null)
})

test('[G11] what may be no fault of the client is not held against it', () => {
  for (const code of [
    'draining',
    'internal',
    'load_failed',
    'degraded',
    'too_slow',
    'token_expired',
  ] as const) {
    assert.is(boxed('stock', code, 5), null, code)
  }
  assert.is(boxed('stock', 'replaced', 19), null)
  assert.is(boxed('stock', 'replaced', 20), 'replaced')
})

test('[G11] a penalty is served at the claim, and forgotten when it is over', () => {
  const admission = admissionWith({})
  for (const nowMs of [0, 1]) {
    const place = entered(admission.enter('192.0.2.1', NO_PAGE, nowMs))
    assert.is(place.claim(demo, accessOf('ann'), 'stock', nowMs), null)
    place.closed('too_large', nowMs)
    place.leave()
  }

  const again = entered(admission.enter('192.0.2.1', NO_PAGE, 2)).claim(demo, accessOf('ann'), 'stock', 2)

  assert.is(again?.code, 'too_large')
  assert.is(again?.retryAfterMs, PENALTY_MS - 1)
  const box = new PenaltyBox()
  box.strike('ann', demo, 'stock', 'too_large', 0)
  box.sweep(STRIKE_WINDOW_MS + 1)
  assert.is(box.size, 0)
})
