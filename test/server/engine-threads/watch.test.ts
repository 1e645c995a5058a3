/** When a thread counts as stuck. */

import { IDLE, isStuck, look } from '../../../server/engine-threads/watch.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('watch')

const looksAt = (...calls: (number | null)[]) => calls.reduce(look, IDLE)

test('[Q1] the same call at so many looks in a row is stuck, and no other', () => {
  assert.ok(isStuck(looksAt(7, 7, 7, 7, 7), 1000, 250))
  assert.not(isStuck(looksAt(7, 7, 7, 7), 1000, 250))
  assert.not(isStuck(looksAt(7, 7, 7, 7, 8), 1000, 250))
  assert.not(isStuck(looksAt(7, 7, 7, 7, 7, null), 1000, 250))
  assert.not(isStuck(looksAt(7, 7, null, 7, 7), 1000, 250))
})

test('[Q1] what may take longer is given longer', () => {
  assert.not(isStuck(looksAt(7, 7, 7, 7, 7), 2000, 250))
  assert.ok(isStuck(looksAt(7, 7, 7, 7, 7, 7, 7, 7, 7), 2000, 250))
})
