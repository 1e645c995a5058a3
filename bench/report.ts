/** Rounds of figures to medians, and these to a table and a file that says where they come from. */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import type { Figures } from './workload.js'

export interface FigureSummary {
  readonly name: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface ScenarioSummary {
  readonly scenario: string
  readonly title: string
  readonly rounds: number
  readonly figures: readonly FigureSummary[]
}

/** Where a figure comes from. */
export interface Origin {
  readonly date: string
  readonly commit: string
  readonly node: string
}

export interface Report extends Origin {
  readonly machine: string
  readonly scenarios: readonly ScenarioSummary[]
}

export const summarise = (rounds: readonly Figures[]): FigureSummary[] =>
  Object.entries(rounds[0] ?? {}).map(([name, { unit }]) => {
    const values = rounds.map(round => round[name]?.value ?? Number.NaN).sort((a, b) => a - b)
    const middle = Math.floor(values.length / 2)
    const median = values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2
    return { name, unit, median, min: values[0]!, max: values.at(-1)! }
  })

export const describeOrigin = (date: Date): Origin => ({
  date: date.toISOString(),
  commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes'),
  node: process.version,
})

export const describeRun = (date: Date, scenarios: readonly ScenarioSummary[]): Report => ({
  ...describeOrigin(date),
  machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
  scenarios,
})

export const toMarkdown = ({ date, commit, machine, node, scenarios }: Report): string =>
  [
    `Measured ${date}, commit ${commit}, Node ${node}, ${machine}. Median of the rounds (smallest – largest).`,
    '',
    '| scenario | figure | median | range | unit |',
    '|---|---|---:|---:|---|',
    ...scenarios.flatMap(({ scenario, rounds, figures }) =>
      figures.map(
        ({ name, median, min, max, unit }) =>
          `| ${scenario} (${rounds}×) | ${name} | ${show(median)} | ${show(min)} – ${show(max)} | ${unit} |`,
      ),
    ),
    '',
  ].join('\n')

const show = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })

const git = (...args: string[]): string => {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
