/** One picture of all that was measured: for each scenario, ours over the better peer, on a scale of halves and doubles. */
import * as echarts from 'echarts'
import { compareFigures } from './comparison.js'
import type { BenchReport } from './report.js'

const WIDTH_PX = 760
const ROW_PX = 22
const FRAME_PX = 84

interface Row {
  readonly label: string
  /** Above 1 where ours is better, whether less or more is. */
  readonly timesBetter: number
}

/** The same text for the same reports. */
export const renderOverview = (reports: readonly BenchReport[]): string => {
  const rows = reports.flatMap(rowsOf).toReversed()
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH_PX,
    height: FRAME_PX + rows.length * ROW_PX,
  })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: {
      text: 'Plenum against the better of its peers',
      subtext: 'how many times better in the first figure of each scenario; left of 1 the peer is',
      left: 12,
      top: 8,
      itemGap: 4,
      textStyle: { fontSize: 14, fontWeight: 600, color: '#1d2126' },
      subtextStyle: { fontSize: 11, color: '#5d646d' },
    },
    grid: { left: 330, right: 60, top: 56, bottom: 24 },
    xAxis: {
      type: 'log',
      logBase: 2,
      splitLine: { lineStyle: { color: '#e6e8eb' } },
      axisLabel: { color: '#5d646d' },
    },
    yAxis: {
      type: 'category',
      data: rows.map(({ label }) => label),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: '#1d2126', fontSize: 11 },
    },
    series: [
      {
        type: 'scatter',
        symbolSize: 11,
        data: rows.map(({ timesBetter }) => ({
          value: timesBetter,
          itemStyle: { color: timesBetter >= 1 ? '#2f6f4f' : '#b3452f' },
          label: {
            show: true,
            position: 'right',
            formatter: `${brief(timesBetter)}×`,
            fontSize: 11,
            color: '#1d2126',
          },
        })),
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          lineStyle: { color: '#8a8f98', type: 'solid' },
          data: [{ xAxis: 1 }],
        },
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  // Names within the picture are numbered by the process that draws it.
  return `${svg.replace(/zr\d+-/g, 'zr-')}\n`
}

const rowsOf = ({ scenarios, targets }: BenchReport): Row[] =>
  scenarios.flatMap(scenario => {
    for (const { better, figure, toBest } of compareFigures(scenario, targets)) {
      const ratio = toBest.get('plenum')?.median
      if (ratio === undefined || ratio <= 0) continue
      return [{ label: `${scenario.name}: ${figure}`, timesBetter: better === 'lower' ? 1 / ratio : ratio }]
    }
    return []
  })

const brief = (value: number): string =>
  new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 }).format(value)
