/** The picture of a sweep: throughput against flow count, each round as a dot, the mean with its 95 % interval. */
import { renderSvg } from '../report/chart.ts'
import { type Figure, type FlowCountSummary, summaryLine } from './summary.ts'

/** What ECharts gives to the function that draws an item of a custom series, as far as it is used here. */
interface DrawingApi {
  value(dimension: number): number
  coord(point: readonly number[]): readonly [x: number, y: number]
}

const blue = '#1f5fa8'
const grey = '#8a8f98'
const gigabit = 1e9

/** @returns SVG that needs no other file */
export function plotFlows(
  title: string,
  figures: readonly Figure[],
  summaries: readonly FlowCountSummary[],
): string {
  const place = new Map(summaries.map(({ flowCount }, index) => [flowCount, index]))
  const rounds = figures.flatMap(({ flowCount, bitsPerSecond }) =>
    bitsPerSecond === undefined ? [] : [[place.get(flowCount)!, bitsPerSecond / gigabit]],
  )
  const means = summaries.map(({ statistics }) => (statistics ? statistics.mean / gigabit : null))
  const intervals = summaries.flatMap(({ statistics }, index) =>
    statistics?.interval
      ? [[index, Math.max(0, statistics.interval.lower) / gigabit, statistics.interval.upper / gigabit]]
      : [],
  )
  const option = {
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { bottom: 4, itemGap: 34, data: ['mean', '95 % interval of the mean', 'round'] },
    grid: { left: 70, right: 30, top: 50, bottom: 85 },
    xAxis: {
      type: 'category',
      name: 'flows',
      nameLocation: 'middle',
      nameGap: 28,
      data: summaries.map(({ flowCount, rounds: count, statistics }) =>
        statistics?.n === count
          ? String(flowCount)
          : `${flowCount} (${count - (statistics?.n ?? 0)} INVALID)`,
      ),
    },
    yAxis: { type: 'value', min: 0, name: 'Gbit/s', nameLocation: 'middle', nameGap: 48 },
    series: [
      {
        name: '95 % interval of the mean',
        type: 'custom',
        itemStyle: { color: blue },
        encode: { x: 0, y: [1, 2] },
        data: intervals,
        renderItem: (_: unknown, api: DrawingApi) => whisker(api),
      },
      { name: 'round', type: 'scatter', z: 5, symbolSize: 6, itemStyle: { color: grey }, data: rounds },
      { name: 'mean', type: 'line', symbolSize: 9, itemStyle: { color: blue }, data: means },
    ],
  }
  const label = `${title}. ${summaries.map(summaryLine).join('. ')}`
  return renderSvg(option, { width: 760, height: 460 }, label)
}

function whisker(api: DrawingApi): object {
  const [x, low] = api.coord([api.value(0), api.value(1)])
  const [, high] = api.coord([api.value(0), api.value(2)])
  const line = (x1: number, y1: number, x2: number, y2: number): object => ({
    type: 'line',
    shape: { x1, y1, x2, y2 },
    style: { stroke: blue, lineWidth: 2 },
  })
  return {
    type: 'group',
    children: [line(x, low, x, high), line(x - 7, low, x + 7, low), line(x - 7, high, x + 7, high)],
  }
}
