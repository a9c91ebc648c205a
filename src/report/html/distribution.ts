/** The repetitions of a test in all its modes against threshold and ceiling, with the mean and its interval. */
import { formatExpected, formatGbit } from '../../verdict/format.ts'
import type { SampleStatistics, Verdict } from '../../verdict/verdict.ts'
import type { TestRecord } from '../record.ts'
import { figureOf, verdictOf } from '../view.ts'
import { axis, chartFigure } from './chart-figure.ts'
import { colors, seriesColor, seriesVariable } from './colors.ts'
import { type Markup, html } from './markup.ts'

/** What ECharts gives to the function that draws an item of a custom series, as far as it is used here. */
interface DrawingApi {
  value(dimension: number): number
  coord(point: readonly number[]): readonly [x: number, y: number]
}

interface Lane {
  readonly mode: string
  readonly verdict: Verdict
  readonly statistics: SampleStatistics
  /** Bits per second, where the line's is known. */
  readonly ceiling: number | undefined
}

const gigabit = 1e9
const laneHeight = 58

/** @returns nothing where no mode of the test has figures */
export function distribution(tests: readonly TestRecord[]): Markup | undefined {
  const lanes = tests.flatMap(laneOf)
  if (lanes.length === 0) return undefined
  return chartFigure({
    title: 'Repetitions against the threshold',
    label: lanes.map(inWords).join(' '),
    height: 58 + lanes.length * laneHeight,
    legend: [
      { name: 'repetition', color: seriesVariable(0) },
      { name: 'mean and its 95 % interval', color: `var(${colors.text.variable})` },
      { name: 'expected', color: `var(${colors.threshold.variable})`, dashed: true },
      ...(lanes.some(({ ceiling }) => ceiling !== undefined)
        ? [{ name: "the line's ceiling", color: `var(${colors.ceiling.variable})`, dashed: true }]
        : []),
    ],
    option: {
      grid: { left: 100, right: 30, top: 10, bottom: 44 },
      xAxis: { ...axis, type: 'value', min: 0, name: 'Gbit/s', nameLocation: 'middle', nameGap: 26 },
      yAxis: {
        ...axis,
        type: 'category',
        inverse: true,
        data: lanes.map(({ mode }) => mode),
        axisLabel: { ...axis.axisLabel, color: colors.text.standIn },
      },
      series: [
        marks(
          'expected',
          lanes.map(({ verdict }) => verdict.expected.bitsPerSecond),
          'threshold',
        ),
        marks(
          'ceiling',
          lanes.map(({ ceiling }) => ceiling),
          'ceiling',
        ),
        {
          type: 'scatter',
          symbolSize: 9,
          itemStyle: { color: seriesColor(0), opacity: 0.75 },
          data: lanes.flatMap(({ statistics }, lane) =>
            statistics.values.map((value) => [value / gigabit, lane]),
          ),
        },
        whiskers(lanes),
      ],
    },
    table: repetitionTable(lanes),
  })
}

function laneOf(test: TestRecord): Lane[] {
  const verdict = verdictOf(test)
  if (!verdict || !('statistics' in verdict)) return []
  const ceilings = test.repetitions.flatMap(({ ceiling }) =>
    ceiling?.state === 'known' ? [ceiling.bitsPerSecond] : [],
  )
  return [
    {
      mode: test.mode ?? 'measured',
      verdict,
      statistics: verdict.statistics,
      ceiling: ceilings.length > 0 ? Math.min(...ceilings) : undefined,
    },
  ]
}

function inWords({ mode, verdict, statistics }: Lane): string {
  return (
    `${mode}: mean ${figureOf(statistics)} of ${statistics.n} repetitions between` +
    ` ${formatGbit(statistics.min)} and ${formatGbit(statistics.max)}, expected` +
    ` ${formatExpected(verdict.expected.bitsPerSecond)}: ${verdict.state}.`
  )
}

/** A dashed stroke through each lane at its value. */
function marks(
  name: string,
  values: readonly (number | undefined)[],
  color: 'threshold' | 'ceiling',
): object {
  return {
    name,
    type: 'custom',
    silent: true,
    encode: { x: 0, y: 1 },
    data: values.flatMap((value, lane) => (value === undefined ? [] : [[value / gigabit, lane]])),
    renderItem: (_: unknown, api: DrawingApi) => {
      const [x, y] = api.coord([api.value(0), api.value(1)])
      return line([x, y - 24, x, y + 24], { stroke: colors[color].standIn, lineWidth: 2, lineDash: [5, 4] })
    },
  }
}

function whiskers(lanes: readonly Lane[]): object {
  return {
    type: 'custom',
    silent: true,
    encode: { x: [0, 2, 3], y: 1 },
    data: lanes.map(({ statistics: { mean, interval } }, lane) =>
      [mean, lane * gigabit, Math.max(0, interval?.lower ?? mean), interval?.upper ?? mean].map(
        (value) => value / gigabit,
      ),
    ),
    renderItem: (_: unknown, api: DrawingApi) => {
      const [x, y] = api.coord([api.value(0), api.value(1)])
      const [low] = api.coord([api.value(2), api.value(1)])
      const [high] = api.coord([api.value(3), api.value(1)])
      const style = { stroke: colors.text.standIn, lineWidth: 2 }
      const below = y + 14
      return {
        type: 'group',
        children: [
          line([low, below, high, below], style),
          line([low, below - 5, low, below + 5], style),
          line([high, below - 5, high, below + 5], style),
          { type: 'circle', shape: { cx: x, cy: below, r: 5 }, style: { fill: colors.text.standIn } },
        ],
      }
    },
  }
}

function line([x1, y1, x2, y2]: readonly [number, number, number, number], style: object): object {
  return { type: 'line', shape: { x1, y1, x2, y2 }, style }
}

function repetitionTable(lanes: readonly Lane[]): Markup {
  const most = Math.max(...lanes.map(({ statistics }) => statistics.values.length))
  const rows = Array.from({ length: most }, (_, index) => index).map(
    (index) =>
      html`<tr>
        <th scope="row">${index + 1}</th>
        ${lanes.map(({ mode, statistics }) => repetitionCell(mode, statistics, index))}
      </tr>`,
  )
  return html`<table class="repetitions">
    <caption>
      Each repetition, in Gbit/s
    </caption>
    <thead>
      <tr>
        <th scope="col">repetition</th>
        ${lanes.map(({ mode }) => html`<th scope="col">${mode}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}

function repetitionCell(mode: string, { values, outliers }: SampleStatistics, index: number): Markup {
  const value = values[index]
  if (value === undefined) return html`<td class="figure">—</td>`
  const outlier = outliers.some(({ repetition }) => repetition === index + 1)
  return html`<td class="figure" data-mode="${mode}" data-value="${value}">
    ${formatGbit(value)}${outlier && ' (outlier)'}
  </td>`
}
