/** What a client asks for in its URL. */
import { resumeUrl, steadyUrl } from '../../../client/channel/space-url.js'
import type { Dialect } from '../../../server/space/peer.js'
import { wishIn } from '../../../server/transport/wish.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('wish')

const wishOf = (url: string, dialect: Dialect) => wishIn(new URL(url).searchParams, dialect)
const POINT = { epoch: 'e1', position: 7 }

test('[A40] only who asks for none is spared renewals, and no stock client is', () => {
  const url = 'ws://host/sync/demo?a=b'
  assert.is(wishOf(steadyUrl(url), 'plenum').needsRenewals, false)
  assert.is(wishOf(steadyUrl('ws://host/sync/demo'), 'plenum').needsRenewals, false)
  assert.is(wishOf(steadyUrl(url), 'stock').needsRenewals, true)
  for (const other of [url, `${url}&renewals=`, `${url}&renewals=nope`]) {
    assert.is(wishOf(other, 'plenum').needsRenewals, true, other)
  }
})

test('[A40] the wish stands beside that to go on from a point', () => {
  const wish = { dialect: 'plenum', after: POINT, needsRenewals: false }
  assert.equal(wishOf(resumeUrl(steadyUrl('ws://host/sync/demo'), POINT), 'plenum'), wish)
  assert.is(wishOf(resumeUrl('ws://host/sync/demo', POINT), 'stock').after, null)
})
