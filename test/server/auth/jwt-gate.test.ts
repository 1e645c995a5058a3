/** Tokens: what the gate takes, and the code for everything else. */
import { createHmac } from 'node:crypto'
import { createGate } from '../../../server/auth/gate.js'
import { createJwtGate, type JwtGateOptions } from '../../../server/auth/jwt-gate.js'
import { signToken } from '../../../server/auth/sign-token.js'
import { PlenumError } from '../../../shared/errors.js'
import { parseSpaceName } from '../../../shared/names.js'
import { rejectsWithCode, throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('jwt gate')

const SECRET = 'a secret of the tests, long enough to be one'
const NOW_MS = 1_700_000_000_000
const NOW_S = NOW_MS / 1000
const demo = parseSpaceName('demo')

const gateWith = (options: Partial<JwtGateOptions> = {}) =>
  createJwtGate({ secret: SECRET, now: () => NOW_MS, ...options })

const GOOD = { sub: 'ann', exp: NOW_S + 60, spaces: { demo: 'write' } }

/** A token made by hand: any header, any claims, any key. */
const forge = (
  claims: object,
  header: object = { alg: 'HS256', typ: 'JWT' },
  key: string = SECRET,
): string => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part(header)}.${part(claims)}`
  const hash = (header as { alg?: string }).alg === 'HS512' ? 'sha512' : 'sha256'
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
}

test('[G1] a token signed with the secret says who it is and what it grants', async () => {
  const gate = gateWith()

  const principal = await gate.authenticate(forge({ ...GOOD, name: 'Ann' }))

  assert.is(principal.user, 'ann')
  assert.is(principal.name, 'Ann')
  assert.is(principal.expiresAtMs, (NOW_S + 60) * 1000)
  const access = { user: 'ann', name: 'Ann', role: 'write', expiresAtMs: (NOW_S + 60) * 1000 }
  assert.equal(gate.authorize(principal, demo), access)
})

const REFUSED: readonly (readonly [string, string])[] = [
  ['another key', forge(GOOD, undefined, 'another secret, as long as the first one is')],
  ['alg none', `${forge(GOOD, { alg: 'none' }).split('.').slice(0, 2).join('.')}.`],
  ['alg none with a signature', forge(GOOD, { alg: 'none' })],
  ['another algorithm', forge(GOOD, { alg: 'HS512' })],
  ['an asymmetric algorithm', forge(GOOD, { alg: 'RS256' })],
  ['unknown critical header', forge(GOOD, { alg: 'HS256', crit: ['x'], x: 1 })],
  ['no exp', forge({ ...GOOD, exp: undefined })],
  ['exp as text', forge({ ...GOOD, exp: String(GOOD.exp) })],
  ['exp out of range', forge({ ...GOOD, exp: 1e300 })],
  ['no sub', forge({ ...GOOD, sub: undefined })],
  ['empty sub', forge({ ...GOOD, sub: '' })],
  ['sub as a number', forge({ ...GOOD, sub: 7 })],
  ['a sub that is too long', forge({ ...GOOD, sub: 'a'.repeat(513) })],
  ['name as an object', forge({ ...GOOD, name: {} })],
  ['no spaces', forge({ ...GOOD, spaces: undefined })],
  ['spaces as a list', forge({ ...GOOD, spaces: ['demo'] })],
  ['an unknown role', forge({ ...GOOD, spaces: { demo: 'owner' } })],
  ['not yet valid', forge({ ...GOOD, nbf: NOW_S + 5 })],
  ['nbf as text', forge({ ...GOOD, nbf: String(NOW_S - 5) })],
  ['nbf that is null', forge({ ...GOOD, nbf: null })],
  ['iat as text', forge({ ...GOOD, iat: 'now' })],
  ['exp that is null', forge({ ...GOOD, exp: null })],
  ['an unusual header with another algorithm', forge(GOOD, { typ: 'at+jwt', alg: 'HS512' })],
  ['claims as a list', forge([GOOD])],
  [
    'a changed payload',
    forge(GOOD).replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"eve"}').toString('base64url')}.`),
  ],
  ['a header that is no object', forge(GOOD).replace(/^[^.]+/, Buffer.from('7').toString('base64url'))],
  ['a header that is no JSON', forge(GOOD).replace(/^[^.]+/, 'e30x')],
  ['a signature written in another way', `${forge(GOOD)}=`],
  ['no signature', forge(GOOD).replace(/[^.]+$/, '')],
  ['four parts', `${forge(GOOD)}.`],
  ['two parts', forge(GOOD).split('.').slice(0, 2).join('.')],
  ['nothing', ''],
  ['no token at all', 'hello'],
  ['too long', `${forge(GOOD)}${'a'.repeat(20_000)}`],
]

test('[G1] anything else is unauthenticated', async () => {
  const gate = gateWith()
  for (const [what, token] of REFUSED) {
    await rejectsWithCode('unauthenticated', gate.authenticate(token)).catch(error => {
      throw new Error(`${what}: ${error.message}`, { cause: error })
    })
  }
})

test('[G1] an expired token is token_expired, from the second in its exp on', async () => {
  await gateWith().authenticate(forge({ ...GOOD, exp: NOW_S + 1 }))

  await rejectsWithCode('token_expired', gateWith().authenticate(forge({ ...GOOD, exp: NOW_S })))
  await rejectsWithCode('token_expired', gateWith().authenticate(forge({ ...GOOD, exp: NOW_S - 3600 })))
})

test('[G1] an expired token with a wrong signature is not even expired', async () => {
  const token = forge({ ...GOOD, exp: NOW_S - 1 }, undefined, 'another secret, as long as the first one is')

  await rejectsWithCode('unauthenticated', gateWith().authenticate(token))
})

test('[G2] audience and issuer are required once they are configured', async () => {
  const gate = gateWith({ audience: 'plenum', issuer: 'https://app.example' })

  await gate.authenticate(forge({ ...GOOD, aud: 'plenum', iss: 'https://app.example' }))
  await gate.authenticate(forge({ ...GOOD, aud: ['other', 'plenum'], iss: 'https://app.example' }))
  const header = { typ: 'at+jwt', kid: '1', alg: 'HS256' }
  await gate.authenticate(forge({ ...GOOD, aud: 'plenum', iss: 'https://app.example' }, header))

  for (const claims of [
    {},
    { aud: 'plenum' },
    { aud: 'plenum-other', iss: 'https://app.example' },
    { aud: ['other'], iss: 'https://app.example' },
    { aud: 'other', iss: 'https://app.example' },
    { aud: 'plenum', iss: 'https://evil.example' },
  ]) {
    await rejectsWithCode('unauthenticated', gate.authenticate(forge({ ...GOOD, ...claims })))
  }
})

test('[G2] the allowed skew moves the end of a token, by a minute at most', async () => {
  const expired = forge({ ...GOOD, exp: NOW_S - 30 })

  const principal = await gateWith({ skewSeconds: 45 }).authenticate(expired)

  assert.is(principal.expiresAtMs, (NOW_S - 30 + 45) * 1000)
  await rejectsWithCode('token_expired', gateWith({ skewSeconds: 15 }).authenticate(expired))
  const longGone = forge({ ...GOOD, exp: NOW_S - 61 })
  await rejectsWithCode('token_expired', gateWith({ skewSeconds: 3600 }).authenticate(longGone))
})

test('[G3] a space that no grant names is forbidden', async () => {
  const gate = gateWith()
  const principal = await gate.authenticate(
    forge({ ...GOOD, spaces: { 'team/*': 'read', 'team/plan': 'admin' } }),
  )

  assert.is(gate.authorize(principal, parseSpaceName('team/notes')).role, 'read')
  assert.is(gate.authorize(principal, parseSpaceName('team/plan')).role, 'admin')
  throwsCode('forbidden', () => gate.authorize(principal, demo))
  throwsCode('forbidden', () => gate.authorize(principal, parseSpaceName('team/notes/old')))
})

test('[G5] no refusal repeats any part of the token', async () => {
  const gate = gateWith()
  for (const [, token] of REFUSED) {
    const error = await gate.authenticate(token).then(
      () => null,
      thrown => thrown as PlenumError,
    )
    assert.instance(error, PlenumError)
    const told = `${error?.message} ${error?.stack} ${String(error?.cause)}`
    for (const part of token.split('.').filter(part => part.length > 8)) assert.not(told.includes(part))
  }
})

test('[G6] a fresh token must be the same user’s, and grant the space', async () => {
  const gate = createGate(gateWith())
  const tokenOf = (user: string, space: string): Promise<string> =>
    signToken({ secret: SECRET, user, spaces: { [space]: 'read' }, ttlMs: 60_000, nowMs: NOW_MS })

  const access = await gate.renew(await tokenOf('ann', 'demo'), demo, 'ann')

  assert.is(access.role, 'read')
  await rejectsWithCode('unauthenticated', gate.renew(await tokenOf('eve', 'demo'), demo, 'ann'))
  await rejectsWithCode('forbidden', gate.renew(await tokenOf('ann', 'other'), demo, 'ann'))
})

test('[G1] credentials without a token are unauthenticated', async () => {
  const gate = createGate(gateWith())
  const credentials = { subprotocols: ['plenum.v1'], authorization: undefined, query: new URLSearchParams() }

  await rejectsWithCode('unauthenticated', gate.admit(credentials, demo))
})

test('[G1] what signToken makes is taken, to the second', async () => {
  const token = await signToken({
    secret: SECRET,
    user: 'ünï',
    name: 'N',
    spaces: { '**': 'admin' },
    ttlMs: 1500,
    nowMs: NOW_MS,
    audience: 'a',
    issuer: 'i',
  })

  const principal = await gateWith({ audience: 'a', issuer: 'i' }).authenticate(token)

  assert.is(principal.user, 'ünï')
  assert.is(principal.expiresAtMs, NOW_MS + 2000)
})
