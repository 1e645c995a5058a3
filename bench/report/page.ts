/** A report as one page without anything from elsewhere: pictures, a table with all medians, and the raw figures. */
import { renderChart } from './charts.js'
import { compareFigures } from './comparison.js'
import type { BenchReport, ReportedScenario } from './report.js'
import { renderTables } from './tables.js'

export const renderPage = (report: BenchReport): string => {
  const groups = [...new Set(report.scenarios.map(({ group }) => group))]
  const [intro, ...rest] = renderTables(report).split('\n\n')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Plenum: bench of ${report.date.slice(0, 10)}</title>
<style>${STYLE}</style>
<h1>Plenum: bench of ${report.date.slice(0, 10)}</h1>
<p>${escaped(intro!)}</p>
${groups.map(group => renderGroup(report, group)).join('\n')}
<h2>All figures</h2>
${rest.map(renderPart).join('\n')}
<h2>Servers</h2>
<ul>${report.targets.map(({ name, version, notes }) => `<li><b>${escaped(name)} ${escaped(version)}</b>: ${escaped(notes)}</li>`).join('')}</ul>
<details><summary>Every round</summary><pre>${escaped(JSON.stringify(report.scenarios, null, 1))}</pre></details>
</html>
`
}

const renderGroup = (report: BenchReport, group: string): string =>
  [
    `<h2>${escaped(group)}</h2>`,
    ...report.scenarios
      .filter(scenario => scenario.group === group)
      .map(
        scenario =>
          `<section><h3>${escaped(scenario.name)}</h3><p>${escaped(scenario.title)}</p><div>${renderCharts(report, scenario)}</div></section>`,
      ),
  ].join('\n')

const renderCharts = ({ targets }: BenchReport, scenario: ReportedScenario): string =>
  compareFigures(scenario, targets)
    .filter(({ better, byTarget }) => better !== null && byTarget.size > 0)
    .map(comparison => renderChart({ title: comparison.figure, comparison, targets }))
    .join('')

/** A Markdown table or list. */
const renderPart = (part: string): string => {
  const lines = part.trim().split('\n')
  if (!part.startsWith('|')) {
    return `<ul>${lines.map(line => `<li>${inline(line.replace(/^- /, ''))}</li>`).join('')}</ul>`
  }
  const cellsOf = (line: string): string[] => line.split('|').slice(1, -1)
  const row = (line: string, tag: string): string =>
    `<tr>${cellsOf(line)
      .map(cell => `<${tag}>${inline(cell.trim())}</${tag}>`)
      .join('')}</tr>`
  const [head, , ...body] = lines
  return `<div class="wide"><table>${row(head!, 'th')}${body.map(line => row(line, 'td')).join('')}</table></div>`
}

const inline = (text: string): string => escaped(text).replace(/\*\*(.*?)\*\*/g, '<b>$1</b>')

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2126; max-width: 1120px; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #d5d8dd }
section div { display: flex; flex-wrap: wrap; gap: .75rem }
section svg { border: 1px solid #e6e8eb; border-radius: 6px; max-width: 100%; height: auto }
h3 { margin-bottom: 0 } h3 + p { margin-top: 0; color: #5d646d }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px; white-space: nowrap }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #e6e8eb; text-align: right }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left }
pre { font-size: 11px; overflow-x: auto }
`
