/** What a flush says about who delivered what. */
import { deliveriesOf } from '../../../server/space/deliveries.js'
import type { ClockRange, EngineOutcome } from '../../../server/space/engine.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('deliveries')

const applied = (...ranges: ClockRange[]): EngineOutcome => ({ type: 'applied', ranges })
const range = (client: number, clock: number, length = 1): ClockRange => ({ client, clock, length })
const [ann, bob] = [{ user: 'ann' }, { user: 'bob' }]

test('[S11] what one user typed in one go is one range, whoever typed between', () => {
  const messages = [ann, bob, ann, bob]
  const outcomes = [applied(range(1, 5)), applied(range(2, 0)), applied(range(1, 6, 3)), applied(range(2, 1))]
  assert.equal(deliveriesOf(messages, outcomes), [
    { user: 'ann', client: 1, clock: 5, length: 4 },
    { user: 'bob', client: 2, clock: 0, length: 2 },
  ])
})

test('[S11] clocks of one client that two users delivered stay apart', () => {
  assert.equal(
    deliveriesOf([ann, bob, ann], [applied(range(1, 0)), applied(range(1, 1)), applied(range(1, 2))]),
    [
      { user: 'ann', client: 1, clock: 0, length: 1 },
      { user: 'bob', client: 1, clock: 1, length: 1 },
      { user: 'ann', client: 1, clock: 2, length: 1 },
    ],
  )
})

test('[S11] what was refused or ignored delivered nothing', () => {
  const refused: EngineOutcome = { type: 'refused', code: 'read_only', reason: '' }
  assert.equal(deliveriesOf([ann, bob], [refused, { type: 'ignored', extras: true }]), [])
})
