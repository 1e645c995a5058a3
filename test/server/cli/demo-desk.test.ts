/** Who gets tokens for the demo, and for what. */
import { createGate } from '../../../server/auth/gate.js'
import { createJwtGate } from '../../../server/auth/jwt-gate.js'
import { demoDesk, demoInvitation } from '../../../server/cli/demo-desk.js'
import { configWith } from '../../../server/config.js'
import { parseSpaceName } from '../../../shared/names.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo desk')

const secret = 'a secret of the tests, long enough to be one'
const desk = demoDesk(configWith({ secret }))
const gate = createGate(
  createJwtGate({ secret, audience: null, issuer: null, skewSeconds: 0, now: () => Date.now() }),
)

test('[U18] a token is good in the spaces of the demo, for the name and role that were asked for', async () => {
  const token = await desk.tokenFor(demoInvitation(secret), { name: 'Ada', role: 'read' })
  assert.ok(token !== null)
  const credentials = { subprotocols: [], authorization: `Bearer ${token}`, query: new URLSearchParams() }

  for (const space of ['demo', 'demo/notes']) {
    const { user, name, role } = await gate.admit(credentials, parseSpaceName(space))
    assert.equal([user, name, role], ['Ada', 'Ada', 'read'])
  }
  await rejectsWithCode('forbidden', gate.admit(credentials, parseSpaceName('team')))
})

test('[U18] an invitation is good for one secret only', async () => {
  const other = demoInvitation('another secret of the tests, as long as it')
  for (const invitation of [other, '', secret, `${demoInvitation(secret)}x`]) {
    assert.is(await desk.tokenFor(invitation, { name: 'Ada', role: 'write' }), null)
  }
})
