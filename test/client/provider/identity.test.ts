/** Whose provider it is, read from tokens and never changed by them. */
import { Identity } from '../../../client/provider/identity.js'
import { tokenSubject } from '../../../client/provider/token-subject.js'
import { signToken } from '../../../server/auth/sign-token.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('identity')

const tokenOf = (user: string): Promise<string> =>
  signToken({ secret: 'x'.repeat(32), user, spaces: { demo: 'read' }, ttlMs: 1_000, nowMs: Date.now() })

test('[P17] the subject of a token is read as it was signed, in any script', async () => {
  for (const user of ['ann', 'Jürgen', '李雷', 'a b/c?']) assert.is(tokenSubject(await tokenOf(user)), user)
})

test('[P17] what is no JWT has no subject', () => {
  const payloads = ['{"sub":1}', '{"sub":""}', '{}', 'null', 'no json']
  for (const token of ['', 'opaque', '..', 'a.!.c', ...payloads.map(text => `h.${btoa(text)}.s`)]) {
    assert.is(tokenSubject(token), null, token)
  }
})

test('[P17] the first readable token says who it is, once', async () => {
  let known = 0
  const identity = new Identity(null, () => known++)
  assert.is(identity.guard('opaque'), 'opaque')
  assert.is(identity.user, null)
  const ann = await tokenOf('ann')
  assert.is(identity.guard(ann), ann)
  assert.equal([identity.user, known], ['ann', 1])
  assert.is(identity.guard(await tokenOf('bob')), '')
  assert.is(identity.user, 'ann')
})

test('[P17] the app’s own name for the user stays, whatever the token says', async () => {
  const identity = new Identity('user-7', () => assert.unreachable('it was known'))
  const source = identity.guard(() => tokenOf('ann')) as () => Promise<string | null>
  assert.ok(await source())
  assert.is(identity.user, 'user-7')
})
