/** The command line of the bench and the order of its runs. */
import { type Known, readOptions } from '../../bench/options.js'
import { planRuns } from '../../bench/plan.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: options')

const KNOWN: Known = {
  scenarios: ['fanout', 'cold-join'],
  remoteScenarios: ['fanout'],
  targets: ['plenum', 'other'],
}

const optionsOf = (...args: string[]) => {
  const wish = readOptions(args, KNOWN)
  if (wish.kind !== 'run') throw new Error(`it wants ${wish.kind}`)
  return wish.options
}

const messageOf = (...args: string[]): string => {
  try {
    readOptions(args, KNOWN)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`accepted: ${args.join(' ')}`)
}

test('[Y3] without options everything runs once, as the scenarios say', () => {
  const { overrides, rounds, scenarios, targets } = optionsOf()
  assert.equal(
    { overrides, rounds, scenarios, targets },
    {
      overrides: {},
      rounds: 1,
      scenarios: ['fanout', 'cold-join'],
      targets: ['plenum', 'other'],
    },
  )
})

test('[Y3] numbers, scenarios and servers can be chosen', () => {
  const line = '--scenario fanout --targets other --rounds 3 --clients 500 --rate 0.5 --seconds 2'
  const { overrides, rounds, scenarios, targets } = optionsOf(...line.split(' '))
  assert.equal(
    { overrides, rounds, scenarios, targets },
    {
      overrides: { clients: 500, rate: 0.5, seconds: 2 },
      rounds: 3,
      scenarios: ['fanout'],
      targets: ['other'],
    },
  )
})

test('[Y3] --url measures a server that runs elsewhere', () => {
  const { pid, scenarios, token, url } = optionsOf('--url', 'ws://host/sync', '--token', 't', '--pid', '12')
  assert.equal(
    { pid, scenarios, token, url },
    { pid: 12, scenarios: ['fanout'], token: 't', url: 'ws://host/sync' },
  )
})

test('[Y3] a mistake is told in one line that says what would do', () => {
  const mistakes: [string[], RegExp][] = [
    [['--scenario', 'fnout'], /no fnout; there are fanout, cold-join/],
    [['--targets', 'plenum,nobody'], /no nobody; there are plenum, other/],
    [['--rounds', '0'], /--rounds must be a whole number above 0/],
    [['--clients', '2.5'], /--clients must be a whole number/],
    [['--rate', 'fast'], /--rate must be a number above 0, not "fast"/],
    [['--url', 'http://host'], /--url must begin with ws:\/\/ or wss:\/\//],
    [
      ['--url', 'ws://host', '--scenario', 'cold-join'],
      /cold-join cannot be run against --url; these can: fanout/,
    ],
    [['--url', 'ws://host', '--targets', 'plenum'], /exclude each other/],
    [['--token', 't'], /--token goes with --url/],
    [['--fast'], /'--fast'.*--help/],
    [['--seconds'], /--seconds.*--help/],
    [['fanout'], /fanout.*--help/],
  ]
  for (const [args, expected] of mistakes) {
    const message = messageOf(...args)
    assert.match(message, expected)
    assert.not.match(message, /\n/)
  }
})

test('[Y3] rounds are interleaved over the servers, and another one goes first in each', () => {
  const runs = planRuns({
    rounds: 2,
    scenarios: [
      { name: 'fanout', targets: ['a', 'b', 'c'] },
      { name: 'light', targets: ['a'] },
    ],
  })
  const order = runs.map(({ round, scenario, target }) => `${round} ${scenario} ${target}`)
  assert.equal(order, [
    '1 fanout a',
    '1 fanout b',
    '1 fanout c',
    '1 light a',
    '2 fanout b',
    '2 fanout c',
    '2 fanout a',
    '2 light a',
  ])
})
