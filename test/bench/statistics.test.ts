/** Rounds to one figure, without a server and without a clock. */
import { Latencies } from '../../bench/load/latencies.js'
import { growthExponent, intervalOf, median, quantile, ratioToBest } from '../../bench/statistics.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: statistics')

test('[Y1] the median is the middle value or the mean of the two in the middle', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
  assert.ok(Number.isNaN(median([])))
  assert.equal(intervalOf([2, 9, 4]), { median: 4, min: 2, max: 9 })
})

test('[Y1] a quantile is a value that was measured', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.is(quantile(values, 0.5), 50)
  assert.is(quantile(values, 0.99), 99)
  assert.is(quantile(values, 1), 100)
  assert.is(quantile([7], 0.01), 7)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('[Y1] a ratio is to the better peer of the same round, and its median is that of the rounds', () => {
  const rounds = [
    { ours: 1, peers: [4, 2] },
    { ours: 30, peers: [10, 15] },
    { ours: 1, peers: [1, 9] },
  ]
  assert.equal(ratioToBest(rounds, 'lower'), { median: 1, min: 0.5, max: 3 })
  assert.equal(ratioToBest(rounds, 'higher'), { median: 0.25, min: 1 / 9, max: 2 })
})

test('[Y1] a round without ours or without a peer gives no ratio', () => {
  const ratio = ratioToBest(
    [
      { ours: Number.NaN, peers: [1] },
      { ours: 5, peers: [] },
      { ours: 4, peers: [2] },
    ],
    'lower',
  )
  assert.equal(ratio, { median: 2, min: 2, max: 2 })
  assert.is(ratioToBest([{ ours: 1, peers: [] }], 'lower'), null)
})

test('[Y1] the exponent of a power law is found, whatever its factor', () => {
  const law = (exponent: number) => [1, 2, 4, 8].map(work => ({ work, cost: 7 * work ** exponent }))
  for (const exponent of [0, 1, 2]) assert.ok(Math.abs(growthExponent(law(exponent)) - exponent) < 1e-9)
})

test('[Y1] latencies are counted in bounded memory to within two in a hundred', () => {
  const latencies = new Latencies()
  assert.ok(Number.isNaN(latencies.quantile(0.5)))
  for (let ms = 1; ms <= 10_000; ms++) latencies.add(ms)
  for (const q of [0.01, 0.5, 0.99, 1]) {
    const off = latencies.quantile(q) / (10_000 * q)
    assert.ok(off > 0.98 && off < 1.02, `${q}: ${off}`)
  }
  latencies.add(0)
  latencies.add(1e12)
  assert.is(latencies.count, 10_002)
})
