/** What the demo's address says. */
import { type DemoAddress, readAddress, writeAddress } from '../../../client/demo/address.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('demo: address')

const ADDRESSES: readonly DemoAddress[] = [
  { space: 'demo', name: 'Ada', role: 'write', entry: { type: 'invitation', key: 'a-b_c' } },
  { space: 'team-a/notes+1', name: 'Ada & Zoë', role: 'read', entry: { type: 'token', token: 'a.b.c' } },
  { space: '書/類', name: '100 %', role: 'write', entry: { type: 'none' } },
]

test('[U19] an address that was written is read back the same', () => {
  for (const address of ADDRESSES) assert.equal(readAddress(writeAddress(address)), address)
})

test('[U19] what an address leaves out is what most people want', () => {
  const expected = { space: 'demo', name: 'Ada', role: 'write', entry: { type: 'none' } }
  for (const fragment of ['', '#', '#space=&as=%20&role=admin&key=', '#nonsense']) {
    assert.equal(readAddress(fragment), expected, fragment)
  }
})
