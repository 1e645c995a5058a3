/** Deadlines under a clock that can stand still while time passes, as a frozen page's does. */
import { patiently, watchSilence } from '../../../client/channel/patience.js'
import { FakeClock } from '../../support/fake-clock.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('patience')

test('[D45] a deadline that is on time is kept to the millisecond', () => {
  const clock = new FakeClock()
  let runs = 0
  patiently(clock, 1_000, () => runs++)
  clock.advance(999)
  assert.is(runs, 0)
  clock.advance(1)
  assert.equal([runs, clock.pending], [1, 0])
})

test('[D45] one that fires late gives what waits a chance first, and comes to an end all the same', () => {
  const clock = new FakeClock()
  let runs = 0
  patiently(clock, 1_000, () => runs++)
  clock.freeze(60_000)
  clock.advance(0)
  assert.is(runs, 0)
  clock.advance(3_000)
  assert.is(runs, 1)

  patiently(clock, 1_000, () => runs++)
  for (let freeze = 0; freeze < 5; freeze++) {
    assert.is(runs, 1)
    clock.freeze(60_000)
    clock.advance(0)
  }
  assert.is(runs, 2)
})

test('[D45] silence counts from what was heard last, also what was heard after a freeze', () => {
  const clock = new FakeClock()
  let heardMs = 0
  let silences = 0
  const cancel = watchSilence({
    clock,
    limitMs: 30_000,
    silentMs: () => clock.now() - heardMs,
    onSilent: () => silences++,
  })
  clock.advance(20_000)
  heardMs = clock.now()
  clock.advance(29_999)
  clock.freeze(600_000)
  clock.advance(0)
  heardMs = clock.now()
  clock.advance(29_999)
  assert.is(silences, 0)
  clock.advance(1)
  assert.is(silences, 1)
  cancel()
  assert.is(clock.pending, 0)
})
