/** The scenarios as data: each has a name of its own, and says why a server is not in it. */
import { SCENARIOS, targetsOf } from '../../bench/scenarios.js'
import { knownTargets } from '../../bench/targets.js'
import { assert, suite } from '../support/suite.js'

const test = suite('bench: scenarios')

test('[Y3] scenarios are told apart by their names', () => {
  const names = SCENARIOS.map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
})

test('[Y4] of a server that is not in a scenario it is said why', async () => {
  const targets = await knownTargets()
  assert.ok(targets.length >= 6, 'Plenum, its peers and the ceiling')
  for (const scenario of SCENARIOS) {
    const inIt = targetsOf(scenario, targets)
    assert.ok(inIt.includes('plenum'), scenario.name)
    const unexplained = targets
      .filter(({ name, role }) => role !== 'ours' && !inIt.includes(name))
      .filter(({ name }) => scenario.leftOut?.[name] === undefined)
      .map(({ name }) => name)
    assert.equal(unexplained, [], scenario.name)
  }
})
