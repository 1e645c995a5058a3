/** Behind every token: whether its user may enter at all. */
import { revokingGate } from '../../../server/service/revoking-gate.js'
import type { Access } from '../../../server/space/peer.js'
import { Core, DEMO } from '../../support/core.js'
import { rejectsWithCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'
import { told } from '../../support/told.js'

const test = suite('revoking gate')

const eve: Access = { user: 'eve', name: null, role: 'admin', expiresAtMs: null }

test('[X17] a token that is good opens nothing to a revoked user, at admission and at renewal', async () => {
  const core = new Core()
  const { desk } = core.registry
  const gate = revokingGate({ admit: async () => eve, renew: async () => eve }, desk)
  const credentials = { subprotocols: [], authorization: undefined, query: new URLSearchParams() }
  assert.equal([await gate.admit(credentials, DEMO), await gate.renew('token', DEMO, 'eve')], [eve, eve])
  await told(core, desk.revoke(DEMO, 'eve'))
  await rejectsWithCode('revoked', gate.admit(credentials, DEMO))
  await rejectsWithCode('revoked', gate.renew('token', DEMO, 'eve'))
  await told(core, desk.reinstate(DEMO, 'eve'))
  assert.equal(await gate.admit(credentials, DEMO), eve)
})

test('[X17] nobody is let in while it cannot be known who is revoked, and everybody when it can', async () => {
  const core = new Core()
  const gate = revokingGate({ admit: async () => eve, renew: async () => eve }, core.registry.desk)
  core.store.fail('catalogue', 1, 'load_failed')
  await rejectsWithCode('load_failed', gate.renew('token', DEMO, 'eve'))
  assert.equal(await gate.renew('token', DEMO, 'eve'), eve)
})
