/** Where the client finds a space. */
import { spaceUrl, subprotocols } from '../../../client/channel/space-url.js'
import { throwsCode } from '../../support/expect.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('space url')

test('[K7] the address is the base path, /sync/ and the escaped name', () => {
  assert.is(spaceUrl('ws://host:1234', 'demo'), 'ws://host:1234/sync/demo')
  assert.is(spaceUrl('https://host/base/', 'team-a/ä;b'), 'wss://host/base/sync/team-a/%C3%A4%3Bb')
  assert.is(spaceUrl('http://host', 'doc:42'), 'ws://host/sync/doc%3A42')
})

test('[K7] a name that is no space is refused before anything is opened', () => {
  throwsCode('bad_name', () => spaceUrl('ws://host', 'a/../b'))
})

test('[K7] the token travels in the subprotocol list', () => {
  assert.equal(subprotocols('a.b.c'), ['plenum.v1', 'bearer.a.b.c'])
})
