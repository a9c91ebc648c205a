/** A history as one self-contained HTML page: a chart per figure, its stretches and its runs as tables. */
import { formatFigure } from '../verdict/figure-format.ts'
import { type ChartSize, renderSvg } from './chart.ts'
import type { FigureHistory } from './history.ts'
import { countsOf, pointRow, pointTitles, stretchRows, stretchTitles } from './history-view.ts'
import { plainText } from './plain-text.ts'

const size: ChartSize = { width: 960, height: 300 }
const colours = { line: '#1f5fae', range: '#9db9dc', worse: '#b3261e', better: '#1b6e3c', small: '#5f6368' }

export function historyHtml(
  history: readonly FigureHistory[],
  leftOut: readonly string[],
  source: string,
): string {
  const counts = countsOf(history)
  const without =
    leftOut.length === 0
      ? ''
      : `<section><h2>Left out</h2><ul>${leftOut.map((line) => `<li>${escape(line)}</li>`).join('')}</ul></section>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dpbench history: ${escape(source)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>History of ${escape(source)}</h1><p>${escape(counts)}</p></header>
<main>
${history.map(section).join('\n')}
${without}
</main>
</body>
</html>
`
}

function section(figure: FigureHistory): string {
  const { title, points, unit, stretches } = figure
  const differences = stretches.flatMap(({ from, change }) =>
    (change?.differences ?? []).map((each) => `${points[from]!.startedAt.slice(0, 10)}: ${each}`),
  )
  const list = differences.map((each) => `<li>${escape(each)}</li>`).join('')
  return `<section>
<h2>${escape(title)}</h2>
<div class="chart">${chart(figure)}</div>
<div class="wide">${table(stretchTitles, stretchRows(figure))}</div>
${list === '' ? '' : `<p>What differs at the changes:</p><ul>${list}</ul>`}
<details><summary>${points.length} runs</summary><div class="wide">${table(
    pointTitles,
    points.map((point) => pointRow(point, unit)),
  )}</div></details>
</section>`
}

/** The medians over time, the range of each run's repetitions, the level of each stretch, a line at each change. */
function chart({ title, points, stretches, unit }: FigureHistory): string {
  const figure = (value: number): string => formatFigure(value, null, unit)
  const levels = points.map((_, index) => stretches.findLast(({ from }) => from <= index)!.median)
  const changes = stretches.flatMap(({ from, change }) => (change ? [{ from, change }] : []))
  const label = `${title}: ${points.length} runs from ${points[0]!.startedAt.slice(0, 10)} to ${points.at(-1)!.startedAt.slice(0, 10)}, last median ${figure(points.at(-1)!.median)}, ${changes.length} changes`
  const series = (name: string, data: readonly number[], style: object): object => ({
    name,
    type: 'line',
    data: [...data],
    showSymbol: false,
    ...style,
  })
  return renderSvg(
    {
      grid: { left: 90, right: 20, top: 40, bottom: 40 },
      legend: { top: 5 },
      xAxis: { type: 'category', data: points.map(({ startedAt }) => startedAt.slice(0, 10)) },
      yAxis: { type: 'value', scale: true, axisLabel: { formatter: figure } },
      series: [
        series(
          'least',
          points.map(({ min }) => min),
          { lineStyle: { width: 1, color: colours.range }, itemStyle: { color: colours.range } },
        ),
        series(
          'most',
          points.map(({ max }) => max),
          {
            lineStyle: { width: 1, color: colours.range, type: 'dashed' },
            itemStyle: { color: colours.range },
          },
        ),
        series(
          'median of a run',
          points.map(({ median }) => median),
          {
            showSymbol: true,
            symbolSize: 5,
            lineStyle: { color: colours.line },
            itemStyle: { color: colours.line },
          },
        ),
        series('level', levels, {
          step: 'middle',
          lineStyle: { width: 3, color: colours.small, opacity: 0.6 },
          itemStyle: { color: colours.small },
        }),
        ...changes.map(({ from, change }) => ({
          name: `change on ${points[from]!.startedAt.slice(0, 10)}`,
          type: 'scatter',
          symbol: change.effect < 0 ? 'arrowDown' : 'triangle',
          symbolSize: 14,
          data: [[from, points[from]!.median]],
          itemStyle: { color: colours[change.kind] },
        })),
      ],
    },
    size,
    label,
  )
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = titles.map((title) => `<th scope="col">${escape(title)}</th>`).join('')
  const body = rows
    .map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`)
    .join('')
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return plainText(text).replaceAll(/[&<>"]/g, (character) => entities[character]!)
}

/** Charts are drawn on white, so they keep a white card in the dark. */
const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; }
.chart { background: #fff; border-radius: .5rem; overflow-x: auto; }
.chart svg { display: block; width: 100%; min-width: 40rem; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; text-align: left; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); white-space: nowrap; }
summary { cursor: pointer; }
`
