/** When a thread counts as stuck. */
import { threadCpuMs, threadNumber } from '../../../server/engine-threads/thread-clock.js'
import { IDLE, isStuck, look } from '../../../server/engine-threads/watch.js'
import { assert, suite } from '../../support/suite.js'

const test = suite('watch')

const lookMs = 250
const looksAt = (cpuMs: number | null, ...calls: (number | null)[]) =>
  calls.reduce((watch, atWork) => look(watch, { atWork, cpuMs, lookMs }), IDLE)

test('[Q1] the same call at so many looks in a row is stuck, and no other', () => {
  assert.ok(isStuck(looksAt(null, 7, 7, 7, 7, 7), 1000))
  assert.not(isStuck(looksAt(null, 7, 7, 7, 7), 1000))
  assert.not(isStuck(looksAt(null, 7, 7, 7, 7, 8), 1000))
  assert.not(isStuck(looksAt(null, 7, 7, 7, 7, 7, null), 1000))
  assert.not(isStuck(looksAt(null, 7, 7, null, 7, 7), 1000))
})

test('[Q1] what may take longer is given longer', () => {
  assert.not(isStuck(looksAt(null, 7, 7, 7, 7, 7), 2000))
  assert.ok(isStuck(looksAt(null, 7, 7, 7, 7, 7, 7, 7, 7, 7), 2000))
})

test('[Q1] a thread that gets no processor has more time, but not for ever', () => {
  const calls = (count: number) => Array.from({ length: count }, () => 7)
  assert.not(isStuck(looksAt(50, ...calls(20)), 1000))
  assert.ok(isStuck(looksAt(50, ...calls(21)), 1000))
  assert.ok(isStuck(looksAt(0, ...calls(202)), 1000))
  // A look that came late counts as one.
  assert.not(isStuck(looksAt(10_000, ...calls(4)), 1000))
})

test.skipIf(
  process.platform === 'linux' ? null : 'only Linux tells',
  '[Q1] what a thread has had of the processor grows while it works',
  () => {
    const thread = threadNumber()
    const before = threadCpuMs(thread)
    assert.ok(before !== null)
    const { user } = process.cpuUsage()
    while (process.cpuUsage().user - user < 50_000);
    assert.ok(threadCpuMs(thread)! > before)
    assert.is(threadCpuMs(0), null)
  },
)
