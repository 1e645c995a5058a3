/** The application's word on who comes in, taken as given or found wanting. */
import {
  type Authorize,
  type AuthorizeRequest,
  createAuthorizeGate,
} from '../../../server/auth/authorize-gate.js'
import { type ErrorCode, PlenumError } from '../../../shared/errors.js'
import { parseSpaceName } from '../../../shared/names.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('authorize-gate')

const NOW_MS = Date.UTC(2026, 0, 1)
const DEMO = parseSpaceName('demo')

const credentials = (token: string | null) => ({
  subprotocols: ['plenum.v1'],
  authorization: token === null ? undefined : `Bearer ${token}`,
  query: new URLSearchParams(),
  headers: { cookie: 'session=1' },
  address: '192.0.2.1',
})

const gateOf = (authorize: Authorize) => createAuthorizeGate(authorize, () => NOW_MS)

test('[Z5] it is asked with the token, the headers and the space, and for a fresh token with who is inside', async () => {
  const asked: AuthorizeRequest[] = []
  const gate = gateOf(request => {
    asked.push(request)
    return { user: 'ann', name: 'Ann', role: 'write', expiresAt: new Date(NOW_MS + 1) }
  })

  const access = await gate.admit(credentials('a'), DEMO)
  await gate.admit(credentials(null), DEMO)
  await gate.renew('b', DEMO, 'ann')

  assert.equal(access, { user: 'ann', name: 'Ann', role: 'write', expiresAtMs: NOW_MS + 1 })
  const headers = { cookie: 'session=1' }
  assert.equal(asked, [
    { space: 'demo', token: 'a', headers, address: '192.0.2.1', user: null },
    { space: 'demo', token: null, headers, address: '192.0.2.1', user: null },
    { space: 'demo', token: 'b', headers: {}, address: null, user: 'ann' },
  ])
})

test('[Z5] a name and an expiry may be left out', async () => {
  const gate = gateOf(async () => ({ user: 'ann', role: 'read' }))

  assert.equal(await gate.admit(credentials('a'), DEMO), {
    user: 'ann',
    name: null,
    role: 'read',
    expiresAtMs: null,
  })
})

test('[Z5] nobody is unauthenticated, and what it refuses with is passed on', async () => {
  for (const [authorize, code] of [
    [() => null, 'unauthenticated'],
    [async () => undefined, 'unauthenticated'],
    [
      () => {
        throw new PlenumError('forbidden', 'not in this space')
      },
      'forbidden',
    ],
    [() => Promise.reject(new PlenumError('token_expired')), 'token_expired'],
  ] satisfies [Authorize, ErrorCode][]) {
    await rejectsWithCode(code, gateOf(authorize).admit(credentials('a'), DEMO))
    await rejectsWithCode(code, gateOf(authorize).renew('a', DEMO, 'ann'))
  }
})

test('[Z5] a fresh token of another user is unauthenticated', async () => {
  const gate = gateOf(() => ({ user: 'bob', role: 'write' }))

  await rejectsWithCode('unauthenticated', gate.renew('a', DEMO, 'ann'))
})

test('[Z6] whatever else it throws is internal, with the cause kept and nothing of it told', async () => {
  for (const thrown of [new Error('secret detail'), 'secret detail', undefined, null, { detail: 'secret' }]) {
    const gate = gateOf(() => {
      throw thrown
    })
    const error = await rejectsWithCode('internal', gate.admit(credentials('a'), DEMO))
    assert.is(error.cause, thrown)
    assert.not.match(error.message, 'secret')
  }
})

test('[Z6] an answer that is none is refused, with what is wrong with it', async () => {
  const wrong: [unknown, RegExp][] = [
    [true, /a user/],
    [{}, /a user/],
    [{ user: '', role: 'read' }, /a user/],
    [{ user: 7, role: 'read' }, /a user/],
    [{ user: 'a'.repeat(513), role: 'read' }, /a user/],
    [{ user: 'ann' }, /a role that is none of read, write, admin/],
    [{ user: 'ann', role: 'owner' }, /a role/],
    [{ user: 'ann', role: 'toString' }, /a role/],
    [{ user: 'ann', role: 'read', name: 7 }, /a name/],
    [{ user: 'ann', role: 'read', expiresAt: 'tomorrow' }, /an expiry/],
    [{ user: 'ann', role: 'read', expiresAt: new Date(Number.NaN) }, /an expiry/],
    [
      {
        get user() {
          throw new Error('no user today')
        },
      },
      /no user today/,
    ],
  ]
  for (const [answer, what] of wrong) {
    const gate = gateOf((() => answer) as Authorize)
    const { cause } = await rejectsWithCode('internal', gate.admit(credentials('a'), DEMO))
    assert.match((cause as Error).message, what)
  }
})

test('[Z6] an expiry that is past is token_expired, also one in seconds', async () => {
  for (const expiresAt of [NOW_MS, NOW_MS / 1000 + 3_600, new Date(0)]) {
    const gate = gateOf(() => ({ user: 'ann', role: 'read', expiresAt }))
    const { message } = await rejectsWithCode('token_expired', gate.admit(credentials('a'), DEMO))
    assert.match(message, /past, in ms/)
  }
})
