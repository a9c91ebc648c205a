/** Throughput over time: every flow in every repetition, one after the other as they ran, the kept windows marked. */
import { formatGbit } from '../../verdict/format.ts'
import { formatSeconds } from '../seconds.ts'
import type { TestRecord } from '../record.ts'
import { axis, chartFigure } from './chart-figure.ts'
import { colors, seriesColor, seriesVariable } from './colors.ts'
import { type Markup, html } from './markup.ts'
import { type Placed, lineOf, placed, windowOf } from './placement.ts'

export function overTime(test: TestRecord, warmUpSeconds: number): Markup | undefined {
  const all = placed(test.repetitions, warmUpSeconds)
  const names = [...new Set(all.flatMap(({ sample }) => sample.flows.map(({ name }) => name)))]
  const lines = names.map((name) => all.flatMap((each) => lineOf(each, name)))
  if (lines.every((line) => line.length === 0)) return undefined
  const windows = all.flatMap((each) => windowOf(each, warmUpSeconds))
  const series = lines.map((data, index) => ({
    type: 'line',
    name: names[index]!,
    showSymbol: false,
    lineStyle: { width: 1.3, color: seriesColor(index) },
    itemStyle: { color: seriesColor(index) },
    data,
    ...(index === 0 && {
      markArea: {
        silent: true,
        itemStyle: { color: colors.band.standIn },
        label: { color: colors.muted.standIn, position: 'insideTop', fontSize: 11 },
        data: windows.map(({ start, end, repetition }) => [
          { xAxis: start, name: repetition },
          { xAxis: end },
        ]),
      },
    }),
  }))
  const end = Math.max(...lines.flat().map(([seconds]) => seconds))
  return chartFigure({
    title: 'Throughput over time',
    label: `What the receivers got per flow over ${formatSeconds(end)}, in ${all.length} repetitions. ${windows.length} kept windows are marked.`,
    height: 250,
    legend: [
      ...names.map((name, index) => ({ name, color: seriesVariable(index) })),
      { name: 'kept window, by repetition', color: `var(${colors.band.variable})` },
    ],
    option: {
      grid: { left: 60, right: 20, top: 12, bottom: 42 },
      xAxis: {
        ...axis,
        type: 'value',
        min: 0,
        name: 'seconds',
        nameLocation: 'middle',
        nameGap: 26,
      },
      yAxis: { ...axis, type: 'value', min: 0, name: 'Gbit/s', nameLocation: 'middle', nameGap: 42 },
      series,
    },
    table: flowTable(all),
  })
}

function flowTable(all: readonly Placed[]): Markup {
  const rows = all.flatMap(({ sample }) =>
    sample.flows.map(
      (flow) =>
        html`<tr>
          <td>${sample.repetition}</td>
          <td>${flow.name}</td>
          <td>${flow.from} → ${flow.to}</td>
          <td class="figure">${figure(flow.sender?.bitsPerSecond)}</td>
          <td class="figure">${figure(flow.receiver?.bitsPerSecond)}</td>
          <td class="figure">${flow.retransmits ?? '—'}</td>
          <td>${flow.faults.join('; ') || '—'}</td>
        </tr>`,
    ),
  )
  return html`<table>
    <caption>
      What each flow moved inside the kept window, in Gbit/s
    </caption>
    <thead>
      <tr>
        <th scope="col">repetition</th>
        <th scope="col">flow</th>
        <th scope="col">way</th>
        <th scope="col">sent</th>
        <th scope="col">received</th>
        <th scope="col">retransmits</th>
        <th scope="col">faults</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}

function figure(bitsPerSecond: number | undefined): string {
  return bitsPerSecond === undefined ? '—' : formatGbit(bitsPerSecond)
}
