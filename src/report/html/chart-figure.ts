/** A chart in its place on the page: drawn as SVG in the page's own colours, with a caption and its figures as a table. */
import type { EChartsCoreOption } from 'echarts/core'
import { renderSvg } from '../chart.ts'
import { colors, withVariables } from './colors.ts'
import { type Fragment, type Markup, html, trusted } from './markup.ts'

export const chartWidth = 860

export interface ChartFigure {
  readonly title: string
  /** What it shows, in words with the figures that matter: for readers who can't see it. */
  readonly label: string
  readonly option: EChartsCoreOption
  readonly height: number
  readonly legend?: readonly { readonly name: string; readonly color: string; readonly dashed?: boolean }[]
  /** The figures behind it. */
  readonly table?: Fragment
}

export function chartFigure({ title, label, option, height, legend = [], table }: ChartFigure): Markup {
  const svg = renderSvg({ ...quiet, ...option }, { width: chartWidth, height }, label)
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    ${legend.length > 0 && legendOf(legend)}
    <div class="scroll" tabindex="0" role="group" aria-label="Chart: ${title}">${trusted(slim(svg))}</div>
    ${
      table !== undefined &&
      html`<details>
        <summary>The figures of this chart</summary>
        <div class="scroll" tabindex="0" role="group" aria-label="Table: ${title}">${table}</div>
      </details>`
    }
  </figure>`
}

function legendOf(entries: NonNullable<ChartFigure['legend']>): Markup {
  return html`<ul class="legend">
    ${entries.map(
      ({ name, color, dashed }) =>
        html`<li><span class="key${dashed ? ' dashed' : ''}" style="color:${color}"></span>${name}</li>`,
    )}
  </ul>`
}

/**
 * Without the rules for a pointer, which nothing here follows, without what the page's style says, without a size of its own,
 * and with a tenth of a pixel as the smallest difference.
 */
function slim(svg: string): string {
  return withVariables(svg)
    .replaceAll(/<style\s*>[\s\S]*?<\/style>/g, '')
    .replaceAll(/ class="zr[^"]*"| pointer-events="visible"/g, '')
    .replace(/(<svg[^>]*?) width="\d+" height="\d+"/, '$1')
    .replaceAll(/(?<= style=")font-size:12px;font-family:sans-serif;/g, '')
    .replaceAll(/font-family:sans-serif;| xml:space="preserve"| style=""/g, '')
    .replaceAll(/ xmlns(:xlink)?="[^"]*"| version="1.1"| baseProfile="full"| stroke-linecap="round"/g, '')
    .replaceAll(/ dominant-baseline="central"| fill="none"(?= stroke)/g, '')
    .replaceAll(/(\d\.\d)\d+/g, '$1')
    .replaceAll(/ ecmeta_\w+="[^"]*"/g, '')
    .replaceAll(/ d="[^"]*"/g, (data) => data.replaceAll(/M[\d.]+ [\d.]+(?:L[\d.]+ [\d.]+){3,}/g, relative))
    .replaceAll(/>\n</g, '><')
    .replaceAll('></path>', '/>')
}

/** A line of many points, each told from the one before: a third shorter. Reckoned in tenths, so that nothing adds up. */
function relative(path: string): string {
  const points = path
    .slice(1)
    .split('L')
    .map((point) => point.split(' ').map((each) => Math.round(Number(each) * 10)) as [number, number])
  const [first, ...others] = points
  const steps = others.map(([x, y], index) => {
    const [fromX, fromY] = points[index]!
    const down = (y - fromY) / 10
    return `${(x - fromX) / 10}${down < 0 ? '' : ' '}${down}`
  })
  return `M${first!.map((each) => each / 10).join(' ')}l${steps.join(' ').replaceAll(' -', '-')}`
}

const { text, muted, grid } = colors

/** Axes in the page's colours; a chart adds what is its own. */
export const axis = {
  axisLine: { show: true, lineStyle: { color: muted.standIn } },
  axisTick: { lineStyle: { color: muted.standIn } },
  minorTick: { show: false },
  axisLabel: { color: muted.standIn, fontSize: 12 },
  splitLine: { lineStyle: { color: grid.standIn } },
  nameTextStyle: { color: text.standIn, fontSize: 12 },
}

const quiet: EChartsCoreOption = {
  animation: false,
  backgroundColor: 'transparent',
  textStyle: { color: text.standIn },
}
