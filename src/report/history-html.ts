/** A history as one HTML page that needs no other: a chart per figure, its stretches and its runs as tables. */
import { formatFigure } from '../verdict/figure-format.ts'
import type { FigureHistory } from './history.ts'
import { countsOf, pointRow, pointTitles, stretchRows, stretchTitles } from './history-view.ts'
import { axis, chartFigure } from './html/chart-figure.ts'
import { colors } from './html/colors.ts'
import { documentOf } from './html/document.ts'
import { type Markup, html } from './html/markup.ts'
import { scrolling } from './html/parts.ts'

/** Falls and rises differ by their sign, whatever the colours. */
const colorOf = { worse: 'threshold', better: 'series-3', small: 'muted' } as const

/** @param source what was looked at, as it was named */
export function historyHtml(
  history: readonly FigureHistory[],
  leftOut: readonly string[],
  source: string,
): string {
  const title = `dpbench history: ${source}`
  const body = html`<header>
      <h1>${title}</h1>
      <p>${countsOf(history)}</p>
    </header>
    <main>
      ${history.map(section)}
      ${
        leftOut.length > 0 &&
        html`<section>
          <h2>Left out</h2>
          ${list(leftOut)}
        </section>`
      }
    </main>
    <footer><p>Made by dpbench from the run.json of each run.</p></footer>`
  return documentOf({ title, body })
}

function section(figure: FigureHistory): Markup {
  const { title, points, unit, stretches } = figure
  const differences = stretches.flatMap(({ from, change }) =>
    (change?.differences ?? []).map((each) => `${dayOf(figure, from)}: ${each}`),
  )
  return html`<article>
    <h2>${title}</h2>
    ${chart(figure)} ${table(`Stretches of ${title}`, stretchTitles, stretchRows(figure))}
    ${
      differences.length > 0 &&
      html`<p><b>What differs at the changes</b></p>
        ${list(differences)}`
    }
    <details>
      <summary>${points.length} runs</summary>
      ${table(
        `Runs of ${title}`,
        pointTitles,
        points.map((point) => pointRow(point, unit)),
      )}
    </details>
  </article>`
}

/** The medians over the runs, the range of each run's repetitions, the level of each stretch, a mark at each change. */
function chart(figure: FigureHistory): Markup {
  const { title, points, stretches, unit } = figure
  const shown = (value: number): string => formatFigure(value, null, unit)
  const levels = points.map((_, index) => stretches.findLast(({ from }) => from <= index)!.median)
  const changes = stretches.flatMap(({ from, change }) => (change ? [{ from, change }] : []))
  const last = points.length - 1
  const line = (data: readonly number[], color: string, style: object = {}): object => ({
    type: 'line',
    data: [...data],
    showSymbol: false,
    lineStyle: { width: 1, color },
    itemStyle: { color },
    ...style,
  })
  const [median, range, level] = [colors['series-1'], colors.muted, colors.text]
  return chartFigure({
    title: 'Median of each run, with the least and the most of its repetitions',
    label:
      `${title}: ${points.length} runs from ${dayOf(figure, 0)} to ${dayOf(figure, last)}, ` +
      `last median ${shown(points[last]!.median)}, changes: ${changes.length}`,
    height: 280,
    legend: [
      { name: 'median of a run', color: `var(${median.variable})` },
      { name: 'least and most of it', color: `var(${range.variable})` },
      { name: 'level between changes', color: `var(${level.variable})`, dashed: true },
      ...changes.map(({ from, change }) => ({
        name: `${change.effect < 0 ? '▼' : '▲'} ${dayOf(figure, from)}`,
        color: `var(${colors[colorOf[change.kind]].variable})`,
      })),
    ],
    option: {
      grid: { left: 100, right: 30, top: 20, bottom: 30 },
      xAxis: { ...axis, type: 'category', data: points.map((_, index) => dayOf(figure, index)) },
      yAxis: { ...axis, type: 'value', scale: true, axisLabel: { ...axis.axisLabel, formatter: shown } },
      series: [
        line(
          points.map(({ min }) => min),
          range.standIn,
        ),
        line(
          points.map(({ max }) => max),
          range.standIn,
        ),
        line(levels, level.standIn, {
          step: 'middle',
          lineStyle: { width: 2, type: 'dashed', color: level.standIn },
        }),
        line(
          points.map((point) => point.median),
          median.standIn,
          { showSymbol: true, symbol: 'circle', symbolSize: 5 },
        ),
        ...changes.map(({ from, change }) => ({
          type: 'scatter',
          symbol: 'triangle',
          symbolRotate: change.effect < 0 ? 180 : 0,
          symbolSize: 13,
          data: [[from, points[from]!.median]],
          itemStyle: { color: colors[colorOf[change.kind]].standIn },
        })),
      ],
    },
  })
}

function dayOf({ points }: FigureHistory, index: number): string {
  return points[index]!.startedAt.slice(0, 10)
}

function list(lines: readonly string[]): Markup {
  return html`<ul class="details">
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`
}

function table(label: string, titles: readonly string[], rows: readonly (readonly string[])[]): Markup {
  return scrolling(
    label,
    html`<table>
      <thead>
        <tr>
          ${titles.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>`,
  )
}
