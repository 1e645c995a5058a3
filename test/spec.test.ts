/** SPEC.md and the tests name the same rules. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSources, root } from './support/sources.js'
import { assert, suite } from './support/suite.js'

const test = suite('spec')

const RULE = /^- \*\*([A-Z]\d+)\*\* /gm
/** A text that begins with one rule or several in brackets: a test's title. */
const TITLE = /['"`]((?:\[[A-Z]\d+\] ?)+)/g

const rules = [...readFileSync(join(root, 'SPEC.md'), 'utf8').matchAll(RULE)].map(
  ([, rule]) => rule as string,
)

const cited = new Map<string, string>()
for (const [path, source] of readSources()) {
  if (!path.startsWith('test/') || path.includes('/fixtures/')) continue
  for (const [, citations = ''] of source.matchAll(TITLE)) {
    for (const [, rule = ''] of citations.matchAll(/\[(\w+)\]/g)) cited.set(rule, path)
  }
}

test('[L6] every rule of SPEC.md is named by a test', () => {
  assert.ok(rules.length > 0)
  const unproven = rules.filter(rule => !cited.has(rule))
  assert.equal(unproven, [])
})

test('[L6] every rule that a test names is in SPEC.md', () => {
  const unknown = [...cited]
    .filter(([rule]) => !rules.includes(rule))
    .map(([rule, path]) => `${rule} in ${path}`)
  assert.equal(unknown, [])
})

test('[L6] no number stands for two rules', () => assert.is(new Set(rules).size, rules.length))
