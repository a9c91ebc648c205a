/** The picture of a growth: cost against size, both logarithmic, so that a power is a straight line. */
import { renderSvg } from '../src/report/chart.ts'
import type { GrowthResult } from './record.ts'

/** The file's name in docs/pictures. */
export const plotName = (name: string): string => `performance-${name}.svg`

const blue = '#1f5fa8'
const grey = '#8a8f98'

/** @returns SVG that needs no other file; the grey line is what grows as the size does */
export function plotGrowth({ what, axis, unit, points, exponent }: GrowthResult): string {
  const [first, last] = [points[0]!, points.at(-1)!]
  const linear = [first.size, last.size].map((size) => [size, (last.median * size) / last.size])
  const axisOf = (name: string, nameGap: number): object => ({
    type: 'log',
    name,
    nameLocation: 'middle',
    nameGap,
    minorSplitLine: { show: true },
  })
  const option = {
    title: {
      text: what,
      subtext: `grows with the power ${exponent.toFixed(2)} of the number of ${axis}`,
      left: 'center',
      textStyle: { fontSize: 15 },
    },
    legend: { bottom: 4, data: ['median', 'round', 'as the size grows'] },
    grid: { left: 75, right: 30, top: 65, bottom: 80 },
    xAxis: { ...axisOf(axis, 28), min: first.size, max: last.size },
    yAxis: axisOf(unit, 55),
    series: [
      {
        name: 'as the size grows',
        type: 'line',
        symbol: 'none',
        lineStyle: { type: 'dashed', color: grey },
        data: linear,
      },
      {
        name: 'round',
        type: 'scatter',
        symbolSize: 6,
        itemStyle: { color: grey },
        data: points.flatMap(({ size, min, max }) => [
          [size, min],
          [size, max],
        ]),
      },
      {
        name: 'median',
        type: 'line',
        symbolSize: 9,
        itemStyle: { color: blue },
        data: points.map(({ size, median }) => [size, median]),
      },
    ],
  }
  const label = `${what}: ${points.map(({ size, median }) => `${median.toPrecision(3)} ${unit} for ${size} ${axis}`).join(', ')}`
  return renderSvg(option, { width: 720, height: 400 }, label)
}
