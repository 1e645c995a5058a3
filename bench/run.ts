/**
 * The bench: `npm run bench [-- OPTIONS]`. Each run is a process of its own; a table goes to the screen, and all
 * figures of all rounds to `bench/results/` as JSON and as a page with charts.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stock } from './dialects/stock.js'
import { type BenchOptions, readOptions, USAGE } from './options.js'
import { LOAD_CORE, pinned } from './pinning.js'
import { planRuns, type Run } from './plan.js'
import { renderPage } from './report/page.js'
import { type BenchReport, describeRun, type RunResult } from './report/report.js'
import { numbers, renderTables } from './report/tables.js'
import { isRemote, SCENARIOS, targetsOf } from './scenarios.js'
import { installPeers } from './targets/peers.js'
import { remote } from './targets/remote.js'
import type { Target } from './targets/target.js'
import { knownTargets, type TargetWish } from './targets.js'
import type { RunWish, WorkerMessage } from './worker.js'
import type { Figures } from './workload.js'

const RESULTS = resolve(import.meta.dirname, '../../bench/results')

const main = async (): Promise<void> => {
  const targets = await knownTargets()
  const wish = readOptions(process.argv.slice(2), {
    scenarios: SCENARIOS.map(({ name }) => name),
    remoteScenarios: SCENARIOS.filter(isRemote).map(({ name }) => name),
    targets: targets.map(({ name }) => name),
  })
  switch (wish.kind) {
    case 'help':
      return console.log(USAGE)
    case 'list':
      return console.log(list(targets))
    case 'run':
      return runAll(wish.options)
  }
}

const runAll = async (options: BenchOptions): Promise<void> => {
  const targets = await chooseTargets(options)
  const byName = new Map(targets.map(target => [target.name, target]))
  const scenarios = SCENARIOS.filter(({ name }) => options.scenarios.includes(name)).map(scenario => ({
    scenario,
    name: scenario.name,
    parameters: { ...scenario.parameters, ...options.overrides },
    targets: options.url === null ? targetsOf(scenario, targets) : targets.map(({ name }) => name),
  }))
  const runs = planRuns({ rounds: options.rounds, scenarios })
  const results: RunResult[] = []
  const startMs = performance.now()
  const watch = new Progress(runs.length)
  let isStopped = false
  process.once('SIGINT', () => {
    isStopped = true
    console.error('stopping after this run, with what there is; once more to end at once')
  })
  for (const run of runs) {
    if (isStopped) break
    const { parameters } = scenarios.find(({ name }) => name === run.scenario)!
    const tell = watch.begin(run)
    const target = wishFor(byName.get(run.target)!, options)
    results.push({ ...run, ...(await runOnce({ scenario: run.scenario, target, parameters }, tell)) })
  }
  const begun = scenarios.filter(({ name }) => results.some(({ scenario }) => scenario === name))
  const report = describeRun({ date: new Date(), targets, scenarios: begun, results, rounds: options.rounds })
  const files = store(report, options.out ?? RESULTS)
  console.log(renderTables(report))
  const minutes = Math.round((performance.now() - startMs) / 6_000) / 10
  console.log(
    `${results.length} of ${runs.length} runs in ${minutes} minutes, written to ${files.join(' and ')}`,
  )
  for (const { scenario, target, round, failure } of results) {
    if (failure === null) continue
    console.error(`bench: ${scenario} on ${target}, round ${round}, failed: ${failure}`)
    process.exitCode = 1
  }
}

/** Those that can run here; who cannot is named. */
const chooseTargets = async (options: BenchOptions): Promise<Target[]> => {
  const { pid, token, url } = options
  if (url !== null) return [remote({ url, token, pid, dialect: stock, spaceSuffix: () => '' })]
  if (options.targets.some(name => !name.startsWith('plenum'))) installPeers(line => console.error(line))
  const wanted = (await knownTargets()).filter(({ name }) => options.targets.includes(name))
  for (const { name, unavailable } of wanted) {
    if (unavailable !== null) console.error(`left out: ${name}, ${unavailable}`)
  }
  const targets = wanted.filter(({ unavailable }) => unavailable === null)
  if (targets.length === 0) throw new Error('none of these servers can run here')
  return targets
}

const wishFor = ({ name }: Target, { url, token, pid }: BenchOptions): TargetWish =>
  url === null ? { kind: 'known', name } : { kind: 'remote', url, token, pid }

type Outcome =
  | { readonly figures: Figures; readonly failure: null }
  | { readonly figures: null; readonly failure: string }

const runOnce = (wish: RunWish, tell: (text: string) => void): Promise<Outcome> =>
  new Promise(resolveRun => {
    const node = [process.execPath, '--enable-source-maps', join(import.meta.dirname, 'worker.js')]
    const [program, ...args] = pinned(LOAD_CORE, [...node, JSON.stringify(wish)])
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let outcome: Outcome | null = null
    child.on('message', (message: WorkerMessage) => {
      switch (message.type) {
        case 'progress':
          return tell(message.text)
        case 'figures':
          outcome = { figures: message.figures, failure: null }
          break
        case 'failed':
          outcome = { figures: null, failure: message.reason }
          tell(`failed: ${message.reason}`)
          break
      }
      child.disconnect()
    })
    child.on('exit', code => {
      resolveRun(outcome ?? { figures: null, failure: `it ended with ${code} and no figures` })
    })
  })

/** One line per step: how long it has been, and how long it may still be. */
class Progress {
  readonly #total: number
  readonly #startMs = performance.now()
  #begun = 0

  constructor(total: number) {
    this.#total = total
  }

  begin({ round, scenario, target }: Run): (text: string) => void {
    const elapsedMs = performance.now() - this.#startMs
    const leftMs = this.#begun === 0 ? null : (elapsedMs / this.#begun) * (this.#total - this.#begun)
    this.#begun++
    const left = leftMs === null ? '' : `, about ${minutes(leftMs)} to go`
    console.error(
      `[${minutes(elapsedMs)}${left}] round ${round}: ${scenario} on ${target} (${this.#begun}/${this.#total})`,
    )
    return text => console.error(`[${minutes(performance.now() - this.#startMs)}]   ${text}`)
  }
}

const minutes = (ms: number): string => {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const store = (report: BenchReport, folder: string): string[] => {
  mkdirSync(folder, { recursive: true })
  const stem = join(folder, report.date.slice(0, 19).replaceAll(':', ''))
  writeFileSync(`${stem}.json`, `${JSON.stringify(report, null, 1)}\n`)
  writeFileSync(`${stem}.html`, renderPage(report))
  return [`${stem}.json`, `${stem}.html`]
}

const list = (targets: readonly Target[]): string =>
  [
    'Scenarios (* can be pointed at any server by --url):',
    ...SCENARIOS.map(
      scenario =>
        `  ${scenario.name}${isRemote(scenario) ? '*' : ''}: ${scenario.title}${numbers(scenario.parameters)}`,
    ),
    'Servers:',
    ...targets.map(
      ({ name, version, notes, unavailable }) =>
        `  ${name} ${version}: ${unavailable === null ? notes : `cannot run here: ${unavailable}`}`,
    ),
  ].join('\n')

main().catch(error => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
})
