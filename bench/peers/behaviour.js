/**
 * Tries on Plenum and its peers what the README says of them: `npm run bench:behaviour` prints the table, writes
 * bench/results/behaviour.json, and puts the table into the README.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { behaviourToMarkdown, describeBehaviour } from '../../dist/bench/behaviour-report.js'
import { readReadme, renderBehaviourPart, writeReadme } from '../../dist/bench/readme.js'
import { behaviours } from './behaviours.js'
import { subjects } from './subjects.js'

const RESULT = new URL('../results/behaviour.json', import.meta.url)

const { values } = parseArgs({
  options: { only: { type: 'string' }, server: { type: 'string' } },
})

const tryOn = async ({ start, dialect }, { rounds = 1, run }) => {
  const seen = []
  for (let round = 0; round < rounds; round++) {
    const server = await start()
    try {
      seen.push(await run(server, dialect))
    } finally {
      await server.dispose()
    }
  }
  return seen
}

/** Counts are added up over the rounds; words are the same in each, or all of them are shown. */
const summarise = seen => {
  if (seen.every(one => typeof one === 'number')) {
    return `${seen.reduce((sum, one) => sum + one, 0)} of ${seen.length * 20}`
  }
  return [...new Set(seen)].join('; ')
}

const isWanted = (name, wanted) => wanted === undefined || name.includes(wanted)
const servers = subjects().filter(({ name }) => isWanted(name, values.server))
const rows = []
for (const behaviour of behaviours.filter(({ what }) => isWanted(what, values.only))) {
  const seen = {}
  for (const subject of servers) {
    seen[subject.name] = summarise(await tryOn(subject, behaviour))
    console.error(`${behaviour.what}: ${subject.name}: ${seen[subject.name]}`)
  }
  rows.push({ what: behaviour.what, seen })
}

const report = describeBehaviour(
  servers.map(({ name, version, node }) => ({ name, version, node })),
  rows,
)
console.log(behaviourToMarkdown(report))
if (values.only === undefined && values.server === undefined) {
  writeFileSync(RESULT, `${JSON.stringify(report, null, 2)}\n`)
  writeReadme(renderBehaviourPart(readReadme()))
}
process.exit(0)
