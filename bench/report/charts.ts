/** Figures as pictures: bars by server, drawn as SVG without a browser. */
import * as echarts from 'echarts'
import type { FigureComparison } from './comparison.js'
import type { ReportedTarget } from './report.js'

export interface ChartOptions {
  readonly title: string
  readonly comparison: FigureComparison
  readonly targets: readonly ReportedTarget[]
  readonly widthPx?: number
}

const COLORS: Readonly<Record<ReportedTarget['role'], string>> = {
  ours: '#2f6f4f',
  peer: '#8a8f98',
  ceiling: '#d5d8dd',
}
const ROW_PX = 26
const FRAME_PX = 64

/** One figure: a bar for each server that has it, with smallest and largest round. */
export const renderChart = ({ title, comparison, targets, widthPx = 520 }: ChartOptions): string => {
  const rows = targets.filter(({ name }) => comparison.byTarget.has(name)).toReversed()
  const intervalOf = (name: string) => comparison.byTarget.get(name)!
  const largest = Math.max(...rows.map(({ name }) => intervalOf(name).max))
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: widthPx,
    height: FRAME_PX + rows.length * ROW_PX,
  })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: title,
      subtext: `${comparison.unit}${comparison.better === null ? '' : `, ${comparison.better} is better`}`,
      left: 8,
      top: 4,
      itemGap: 2,
      textStyle: { fontSize: 13, fontWeight: 600, color: '#1d2126' },
      subtextStyle: { fontSize: 11, color: '#5d646d' },
    },
    grid: { left: 140, right: 70, top: 46, bottom: 12 },
    xAxis: { type: 'value', max: largest * 1.02 || 1, show: false },
    yAxis: {
      type: 'category',
      data: rows.map(({ name }) => name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: '#1d2126', fontSize: 12 },
    },
    series: [
      {
        type: 'bar',
        barWidth: 15,
        data: rows.map(({ name, role }) => ({
          value: intervalOf(name).median,
          itemStyle: { color: COLORS[role] },
          label: {
            show: true,
            position: 'right',
            formatter: brief(intervalOf(name).median),
            color: '#1d2126',
            fontSize: 12,
          },
        })),
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

const brief = (value: number): string =>
  new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 }).format(value)
