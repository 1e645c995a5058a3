/** When a thread counts as stuck. */

import { isDear, newMeter, spend } from '../../../server/engine-threads/meter.js'
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

test('[Q4] a space is dear when it has used more than its share, and cheap again in time', () => {
  const fresh = newMeter(0)
  assert.not(isDear(fresh, 0))
  assert.not(isDear(spend(fresh, 40, 0), 0))
  assert.ok(isDear(spend(fresh, 60, 0), 0))
  assert.not(isDear(spend(fresh, 60, 0), 100))
  let steady = newMeter(0)
  for (let ms = 0; ms < 60_000; ms += 100) steady = spend(steady, 15, ms)
  assert.not(isDear(steady, 60_000))
  for (let ms = 60_000; ms < 62_000; ms += 100) steady = spend(steady, 60, ms)
  assert.ok(isDear(steady, 62_000))
})
