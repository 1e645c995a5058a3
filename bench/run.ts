/**
 * The bench: `npm run bench [-- --scenario NAME] [--rounds N]`. Rounds are interleaved over the scenarios, each
 * run is a fresh process, and the medians go to a table here and to a JSON file under `bench/results/`.
 */
import { fork } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeRun, summarise, toMarkdown } from './report.js'
import { SCENARIOS } from './scenarios.js'
import type { WorkerMessage } from './worker.js'
import type { Figures } from './workload.js'

const RESULTS = resolve(import.meta.dirname, '../../bench/results')

const readOptions = (): { rounds: number; names: readonly string[] } => {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '3' }, scenario: { type: 'string', multiple: true } },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1')
  const known = SCENARIOS.map(({ name }) => name)
  const names = values.scenario ?? known
  const unknown = names.filter(name => !known.includes(name))
  if (unknown.length > 0) throw new Error(`no scenario is called ${unknown}; there are ${known.join(', ')}`)
  return { rounds, names }
}

const runOnce = (name: string): Promise<Figures> =>
  new Promise((resolveRun, reject) => {
    const child = fork(join(import.meta.dirname, 'worker.js'), [name])
    let figures: Figures | null = null
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'figures') figures = message.figures
      else console.error(`    ${message.text}`)
    })
    child.on('exit', code => {
      if (code === 0 && figures !== null) resolveRun(figures)
      else reject(new Error(`${name} ended with ${code} and no figures`))
    })
  })

const main = async (): Promise<void> => {
  const { rounds, names } = readOptions()
  const results = new Map<string, Figures[]>(names.map(name => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      console.error(`round ${round} of ${rounds}: ${name}`)
      results.get(name)!.push(await runOnce(name))
    }
  }
  const scenarios = SCENARIOS.filter(({ name }) => results.has(name)).map(({ name, title }) => ({
    scenario: name,
    title,
    rounds,
    figures: summarise(results.get(name)!),
  }))
  const report = describeRun(new Date(), scenarios)
  mkdirSync(RESULTS, { recursive: true })
  const file = join(RESULTS, `${report.date.slice(0, 19).replaceAll(':', '')}.json`)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
  console.log(toMarkdown(report))
  console.log(`written to ${file}`)
}

main().catch(error => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
