/** What the cores of guests and hypervisors did: the mean over the repetitions by core, and over time the busiest of each machine. */
import type { CoreUse, MachineCounters } from '../../verdict/counters.ts'
import { formatPercent } from '../../verdict/format.ts'
import type { TestRecord } from '../record.ts'
import { axis, chartFigure } from './chart-figure.ts'
import { seriesColor, seriesVariable } from './colors.ts'
import { type Markup, html } from './markup.ts'

interface Bar {
  readonly machine: string
  readonly role: string
  readonly use: CoreUse
}

type Point = readonly [seconds: number, percent: number | null]

type Figures = [busy: number, user: number, system: number, irq: number, softirq: number, steal: number]

/** Bars that one chart can show; the least busy of more are counted, not drawn. */
const mostBars = 16
/** Points of one line over time. */
const mostPoints = 160
const kinds = ['user', 'system', 'irq', 'softirq', 'steal'] as const

export function cores(test: TestRecord): Markup | undefined {
  const bars = barsOf(test)
  if (bars.length === 0) return undefined
  const kept = new Set(bars.toSorted((a, b) => b.use.busy - a.use.busy).slice(0, mostBars))
  const shown = bars.filter((bar) => kept.has(bar))
  const busiest = bars.reduce((most, bar) => (bar.use.busy > most.use.busy ? bar : most))
  const more = bars.length - shown.length
  return chartFigure({
    title: `CPU by core, mean of the repetitions${more > 0 ? ` (the ${shown.length} busiest of ${bars.length})` : ''}`,
    label: `The busiest core is ${nameOf(busiest)} with ${formatPercent(busiest.use.busy)}.`,
    height: 60 + shown.length * 20,
    legend: kinds.map((name, index) => ({ name, color: seriesVariable(index) })),
    option: {
      grid: { left: 170, right: 30, top: 8, bottom: 42 },
      xAxis: {
        ...axis,
        type: 'value',
        min: 0,
        max: 100,
        name: '% of the time',
        nameLocation: 'middle',
        nameGap: 26,
      },
      yAxis: { ...axis, type: 'category', inverse: true, data: shown.map(nameOf) },
      series: kinds.map((kind, index) => ({
        type: 'bar',
        stack: 'core',
        name: kind,
        barWidth: 13,
        itemStyle: { color: seriesColor(index) },
        data: shown.map(({ use }) => Math.round((use[kind] ?? 0) * 1000) / 10 || null),
      })),
    },
    table: coreTable(shown),
  })
}

export function busiestOverTime({ repetitions }: TestRecord): Markup | undefined {
  const counters = repetitions.flatMap((sample) => sample.counters ?? [])
  const machines = [...new Set(counters.map(({ machine }) => machine))]
  const place = {
    firstMs: Date.parse(repetitions[0]?.startedAt ?? ''),
    stretches: Math.max(3, Math.floor(mostPoints / repetitions.length)),
  }
  const lines = machines.map((machine) =>
    counters.filter((each) => each.machine === machine).flatMap((each) => busiestLine(each, place)),
  )
  if (lines.every((line) => line.length === 0)) return undefined
  return chartFigure({
    title: 'The busiest core of each machine over time',
    label: machines
      .map(
        (machine, index) =>
          `${machine}: at most ${Math.max(0, ...lines[index]!.map(([, busy]) => busy ?? 0))} %`,
      )
      .join(', '),
    height: 200,
    legend: machines.map((name, index) => ({ name, color: seriesVariable(index) })),
    option: {
      grid: { left: 60, right: 20, top: 12, bottom: 42 },
      xAxis: { ...axis, type: 'value', min: 0, name: 'seconds', nameLocation: 'middle', nameGap: 26 },
      yAxis: {
        ...axis,
        type: 'value',
        min: 0,
        max: 100,
        name: '% busy',
        nameLocation: 'middle',
        nameGap: 42,
      },
      series: lines.map((data, index) => ({
        type: 'line',
        showSymbol: false,
        lineStyle: { width: 1.3, color: seriesColor(index) },
        itemStyle: { color: seriesColor(index) },
        data,
      })),
    },
    table: busiestTable(machines, lines),
  })
}

/** A point per stretch of a repetition, so that the line of all of them has at most `mostPoints`: the highest of the stretch. */
function busiestLine(
  { cpuSeries }: MachineCounters,
  { firstMs, stretches }: { readonly firstMs: number; readonly stretches: number },
): Point[] {
  const { startMs = 0, points = [] } = cpuSeries ?? {}
  const last = points.at(-1)
  if (!last) return []
  const at = (seconds = 0): number => Math.round(startMs - firstMs + seconds * 1000) / 1000
  const width = Math.max(1, Math.ceil(points.length / stretches))
  const highest = Array.from({ length: Math.ceil(points.length / width) }, (_, index) => {
    const stretch = points.slice(index * width, (index + 1) * width)
    const busy = Math.max(0, ...stretch.flatMap(([, ...shares]) => shares))
    return [at(stretch.at(-1)![0]), Math.round(busy * 1000) / 10] as const
  })
  return [...highest, [at(last[0]), null]]
}

/** By machine and not by repetition: a page of many scenarios must stay below its size. */
function busiestTable(machines: readonly string[], lines: readonly (readonly Point[])[]): Markup {
  return html`<table>
    <caption>
      The busiest core of each machine over all repetitions, in percent of the time
    </caption>
    <thead>
      <tr>
        ${['machine', 'lowest', 'median', 'highest'].map((title) => html`<th scope="col">${title}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${machines.map((machine, index) => {
        const busy = lines[index]!.flatMap(([, share]) => share ?? []).toSorted((one, other) => one - other)
        return html`<tr>
          <th scope="row">${machine}</th>
          ${[0, 0.5, 1].map(
            (part) => html`<td class="figure">${busy[Math.round((busy.length - 1) * part)] ?? '—'}</td>`,
          )}
        </tr>`
      })}
    </tbody>
  </table>`
}

/** The mean of each core over the repetitions that have it. */
function barsOf({ repetitions }: TestRecord): Bar[] {
  const counters = repetitions.flatMap((sample) => sample.counters ?? [])
  const machines = Map.groupBy(counters, ({ machine }) => machine)
  return [...machines].flatMap(([machine, readings]) => {
    const byCore = Map.groupBy(
      readings.flatMap((each) => each.cores),
      ({ core }) => core,
    )
    return [...byCore.values()].map((uses) => ({ machine, role: readings[0]!.role, use: meanOf(uses) }))
  })
}

function meanOf(uses: readonly CoreUse[]): CoreUse {
  const mean = (key: 'busy' | (typeof kinds)[number]): number =>
    uses.reduce((sum, use) => sum + (use[key] ?? 0), 0) / uses.length
  const [busy, user, system, irq, softirq, steal] = (['busy', ...kinds] as const).map(mean) as Figures
  return { core: uses[0]!.core, busy, user, system, irq, softirq, steal }
}

function nameOf({ machine, use }: Bar): string {
  return `${machine} core ${use.core}`
}

function coreTable(bars: readonly Bar[]): Markup {
  return html`<table>
    <caption>
      Share of the time, mean of the repetitions
    </caption>
    <thead>
      <tr>
        <th scope="col">machine</th>
        <th scope="col">core</th>
        <th scope="col">busy</th>
        ${kinds.map((kind) => html`<th scope="col">${kind}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${bars.map(
        ({ machine, use }) =>
          html`<tr>
            <td>${machine}</td>
            <td>${use.core}</td>
            <td class="figure">${formatPercent(use.busy)}</td>
            ${kinds.map((kind) => html`<td class="figure">${formatPercent(use[kind] ?? 0)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`
}
