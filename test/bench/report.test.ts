/** Figures of rounds to what is shown of them, without running anything. */
import { compareFigures } from '../../bench/report/comparison.js'
import { renderPage } from '../../bench/report/page.js'
import type { BenchReport } from '../../bench/report/report.js'
import { renderTables } from '../../bench/report/tables.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: report')

const cpu = (value: number) => ({ CPU: { value, unit: 'µs', better: 'lower' as const } })

const REPORT: BenchReport = {
  format: 2,
  date: '2026-01-02T03:04:05.000Z',
  commit: 'abc',
  node: 'v20',
  machine: 'a machine',
  notPinned: null,
  loadAverage: 0.5,
  rounds: 2,
  targets: [
    { name: 'plenum', version: '1', role: 'ours', notes: '' },
    { name: 'fast', version: '2', role: 'peer', notes: 'a <peer>' },
    { name: 'slow', version: '3', role: 'peer', notes: '' },
    { name: 'relay', version: '4', role: 'ceiling', notes: '' },
  ],
  scenarios: [
    {
      name: 'fanout',
      title: 'one room',
      group: 'Editing',
      parameters: { clients: 5, writers: 2, rate: 10, seconds: 0 },
      leftOut: { relay: 'it knows nothing', nobody: 'it is not here' },
      results: [
        { round: 1, target: 'plenum', figures: cpu(2), failure: null },
        { round: 1, target: 'fast', figures: cpu(4), failure: null },
        { round: 1, target: 'slow', figures: cpu(9), failure: null },
        { round: 2, target: 'plenum', figures: cpu(3), failure: null },
        { round: 2, target: 'fast', figures: null, failure: 'it broke\nhere' },
        { round: 2, target: 'slow', figures: cpu(12), failure: null },
      ],
    },
  ],
}

test('[Y1] what is shown is the median of each server, and ours over the better peer of each round', () => {
  const [comparison] = compareFigures(REPORT.scenarios[0]!, REPORT.targets)
  assert.equal([...comparison!.byTarget.keys()], ['plenum', 'fast', 'slow'])
  assert.equal(comparison!.byTarget.get('plenum'), { median: 2.5, min: 2, max: 3 })
  assert.equal(comparison!.toBest.get('plenum'), { median: 0.375, min: 0.25, max: 0.5 })
})

test('[Y4] a figure that could not be had is a dash, and is compared with nothing', () => {
  const text = JSON.stringify(REPORT)
    .replaceAll('"value":2,', '"value":null,')
    .replaceAll('"value":3,', '"value":null,')
  const report = JSON.parse(text) as BenchReport
  assert.match(renderTables(report), /\| \*\*fanout\*\* \| CPU, µs \| – \| 4 \| 10\.5 \(9 – 12\) \| – \|/)
})

test('[Y4] the table names failures, numbers, and why a server is not in a scenario', () => {
  const table = renderTables(REPORT)
  assert.match(
    table,
    /\| \*\*fanout\*\* \| CPU, µs \| 2\.5 \(2 – 3\) \| 4 \| 10\.5 \(9 – 12\) \| \*\*0\.375 \(0\.25 – 0\.5\)\*\* \|/,
  )
  assert.match(table, /\*\*fanout\*\*: one room \(--clients 5 --writers 2 --rate 10\)\./)
  assert.match(table, /–: relay in fanout: it knows nothing\./)
  assert.match(table, /fast failed in round 2 of fanout: it broke\./)
  assert.not.match(table, /nobody/)
})

test('[Y4] the page has a picture for each figure and trusts no text', () => {
  const page = renderPage(REPORT)
  assert.is(page.match(/<svg/g)?.length, 1)
  assert.match(page, /a &lt;peer&gt;/)
})
