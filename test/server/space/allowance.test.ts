/** Allowances of engine time. */
import { leftAt, newAllowance, spend } from '../../../server/space/allowance.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('allowance')

const terms = { share: 0.5, burstMs: 100, maxDebtMs: 1000 }

test('[Q5] it is used up by work and grows with the clock, up to its bound', () => {
  const fresh = newAllowance(terms, 0)
  assert.is(leftAt(fresh, terms, 5000), 100)
  const used = spend(fresh, terms, { costMs: 130, nowMs: 0 })
  assert.is(leftAt(used, terms, 0), -30)
  assert.is(leftAt(used, terms, 60), 0)
  assert.is(leftAt(used, terms, 100_000), 100)
})

test('[Q5] what is owed is bounded, and work at the share or below is never owed', () => {
  const broke = spend(newAllowance(terms, 0), terms, { costMs: 1e9, nowMs: 0 })
  assert.is(leftAt(broke, terms, 0), -1000)
  let steady = newAllowance(terms, 0)
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) steady = spend(steady, terms, { costMs: 50, nowMs })
  assert.ok(leftAt(steady, terms, 60_000) >= 0)
})
