/** A report as Markdown: a table with a row for each figure, and what has to be known to read it. */
import type { Interval } from '../statistics.js'
import type { Parameters } from '../workload.js'
import { compareFigures, type FigureComparison } from './comparison.js'
import type { BenchReport } from './report.js'

export const renderTables = (report: BenchReport): string => {
  const { scenarios } = report
  const columns = columnsOf(report)
  const ours = columns.filter(({ role }) => role === 'ours')
  const hasPeers = columns.some(({ role }) => role === 'peer')
  const heads = [...columns.map(({ name }) => name), ...(hasPeers ? ['÷ better peer'] : [])]
  const rows = scenarios.flatMap(scenario =>
    compareFigures(scenario, report.targets).map((comparison, index) => {
      const cells = [
        index === 0 ? `**${scenario.name}**` : '',
        `${comparison.figure}, ${comparison.unit}`,
        ...columns.map(({ name }) => cell(comparison.byTarget.get(name))),
        ...(hasPeers
          ? [
              ratioCell(
                comparison,
                ours.map(({ name }) => name),
              ),
            ]
          : []),
      ]
      return `| ${cells.join(' | ')} |`
    }),
  )
  return [
    describe(report),
    '',
    `| scenario | figure | ${heads.join(' | ')} |`,
    `|---|---|${heads.map(() => '---:|').join('')}`,
    ...rows,
    '',
    ...explain(report),
    '',
  ].join('\n')
}

const describe = ({
  commit,
  date,
  loadAverage,
  machine,
  node,
  notPinned,
  rounds,
  targets,
}: BenchReport): string => {
  const versions = targets
    .filter(({ name }) => name !== 'plenum.v1')
    .map(({ name, version }) => `${name} ${version}`)
  return [
    `Measured ${date.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}, Node ${node}, ${machine}; ${versions.join(', ')}.`,
    `${rounds === 1 ? 'One round' : `Medians of ${rounds} rounds (smallest – largest)`}, each run a fresh process;`,
    notPinned === null ? 'the server on one core, the clients on another.' : `${notPinned}.`,
    `Load average at the end ${loadAverage.toFixed(1)}.`,
  ].join(' ')
}

/** Of servers with any figure at all. */
const columnsOf = ({ scenarios, targets }: BenchReport) =>
  targets.filter(({ name }) =>
    scenarios.some(({ results }) =>
      results.some(({ target, figures }) => target === name && figures !== null),
    ),
  )

const explain = ({ scenarios, targets }: BenchReport): string[] => {
  const titles = scenarios.map(
    ({ name, title, parameters }) => `- **${name}**: ${title}${numbers(parameters)}.`,
  )
  const failures = scenarios.flatMap(({ name, results }) =>
    results.flatMap(({ target, round, failure }) =>
      failure === null ? [] : [`- ${target} failed in round ${round} of ${name}: ${failure.split('\n')[0]}.`],
    ),
  )
  const reasons = new Map<string, { readonly targets: Set<string>; readonly scenarios: Set<string> }>()
  for (const { name, leftOut } of scenarios) {
    for (const [target, reason] of Object.entries(leftOut)) {
      if (!targets.some(known => known.name === target)) continue
      const group = reasons.get(reason) ?? { targets: new Set(), scenarios: new Set() }
      reasons.set(reason, group)
      group.targets.add(target)
      group.scenarios.add(name)
    }
  }
  const leftOut = [...reasons].map(
    ([reason, group]) =>
      `- –: ${[...group.targets].join(', ')} in ${[...group.scenarios].join(', ')}: ${reason}.`,
  )
  return [...titles, ...leftOut, ...failures]
}

/** What a scenario was run with, as the command line takes it. */
export const numbers = (parameters: Parameters): string => {
  const flags = Object.entries(parameters).filter(([, value]) => value !== 0)
  return flags.length === 0 ? '' : ` (${flags.map(([name, value]) => `--${name} ${value}`).join(' ')})`
}

const cell = (interval: Interval | undefined): string => {
  if (interval === undefined) return '–'
  const { median, min, max } = interval
  return min === max ? show(median) : `${show(median)} (${show(min)} – ${show(max)})`
}

const ratioCell = ({ toBest }: FigureComparison, ours: readonly string[]): string => {
  const parts = ours.flatMap(name => {
    const ratio = toBest.get(name)
    return ratio === undefined ? [] : [`${name === 'plenum' ? '' : `${name}: `}**${cell(ratio)}**`]
  })
  return parts.length === 0 ? '–' : parts.join('; ')
}

export const show = (value: number): string =>
  value.toLocaleString('en-US', {
    maximumFractionDigits: value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0,
  })
