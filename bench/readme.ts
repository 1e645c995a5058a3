/**
 * The parts of README.md that are generated: the table of settings, what the client weighs, what peers were seen to
 * do, and the newest figures of each scenario. Run it by `npm run docs`; a test fails where the README says something else.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderConfigTable } from '../server/config.js'
import { type BehaviourReport, behaviourToMarkdown } from './behaviour-report.js'
import { renderOverview } from './report/overview.js'
import type { BenchReport } from './report/report.js'
import { renderTables } from './report/tables.js'
import { type SizeReport, sizesToMarkdown } from './size-report.js'

const ROOT = resolve(import.meta.dirname, '../..')
const README = join(ROOT, 'README.md')
const RESULTS = join(ROOT, 'bench/results')
const OVERVIEW = 'docs/bench.svg'

/** The README as it should be. @throws where a marker is missing */
export const renderReadme = (readme: string): string =>
  replacePart(
    replacePart(renderBehaviourPart(renderSizePart(readme)), 'config', renderConfigTable()),
    'figures',
    renderFigures(),
  )

/** The README with what was last measured by `npm run size`. */
export const renderSizePart = (readme: string): string =>
  replacePart(
    readme,
    'size',
    sizesToMarkdown(JSON.parse(readFileSync(join(RESULTS, 'size.json'), 'utf8')) as SizeReport),
  )

/** The README with what was last seen by `npm run bench:behaviour`. */
export const renderBehaviourPart = (readme: string): string =>
  replacePart(
    readme,
    'behaviour',
    behaviourToMarkdown(JSON.parse(readFileSync(join(RESULTS, 'behaviour.json'), 'utf8')) as BehaviourReport),
  )

const renderFigures = (): string =>
  [
    `![For each scenario, how many times better Plenum is than the better peer](${OVERVIEW})`,
    ...newestReports().flatMap(({ file, report }) => [
      '',
      renderTables(report),
      `From [bench/results/${file}](bench/results/${file}).`,
    ]),
  ].join('\n')

/** The picture of what the tables tell. */
export const renderReadmePicture = (): string => renderOverview(newestReports().map(({ report }) => report))

interface StoredReport {
  readonly file: string
  readonly report: BenchReport
}

/**
 * The result files by their names, which begin with the date, the newest first: each with those scenarios that no newer
 * one has.
 */
const newestReports = (): readonly StoredReport[] => {
  const files = readdirSync(RESULTS).filter(name => /^\d{4}-.*\.json$/.test(name))
  const told = new Set<string>()
  const reports: StoredReport[] = []
  for (const file of files.sort().reverse()) {
    const report = JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchReport
    const scenarios = report.scenarios.filter(({ name }) => !told.has(name))
    for (const { name } of scenarios) told.add(name)
    if (scenarios.length > 0) reports.push({ file, report: { ...report, scenarios } })
  }
  if (reports.length === 0) throw new Error('no results: run npm run bench')
  return reports
}

const replacePart = (readme: string, name: string, content: string): string => {
  const [before, rest] = split(readme, `<!-- ${name} -->`)
  const [, after] = split(rest, `<!-- /${name} -->`)
  return `${before}<!-- ${name} -->\n${content.trim()}\n<!-- /${name} -->${after}`
}

const split = (text: string, marker: string): [string, string] => {
  const at = text.indexOf(marker)
  if (at === -1) throw new Error(`README.md has no ${marker}`)
  return [text.slice(0, at), text.slice(at + marker.length)]
}

export const readReadmePicture = (): string => readFileSync(join(ROOT, OVERVIEW), 'utf8')
export const readReadme = (): string => readFileSync(README, 'utf8')
export const writeReadme = (readme: string): void => writeFileSync(README, readme)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeReadme(renderReadme(readReadme()))
  writeFileSync(join(ROOT, OVERVIEW), renderReadmePicture())
}
