/**
 * Colours of charts. ECharts wants colours that it can read, a page in light and dark wants CSS variables: charts are drawn
 * with stand-ins, and each stand-in becomes its variable in the finished SVG. The palette of the series is Okabe and Ito's
 * (https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart, darkened or lightened for contrast.
 */
export interface Color {
  /** What a chart is drawn with; no colour of a chart comes about by chance as one of them. */
  readonly standIn: string
  readonly variable: string
  readonly light: string
  readonly dark: string
}

const entries = [
  ['text', '#1c2026', '#e8eaed'],
  ['muted', '#565d66', '#a9b0ba'],
  ['grid', '#d5d9df', '#3a4048'],
  ['band', '#eef3f8', '#20303f'],
  ['series-1', '#0a5f97', '#5cb8f0'],
  ['series-2', '#a34a00', '#f0a04b'],
  ['series-3', '#00704f', '#3fc99b'],
  ['series-4', '#8d3f72', '#e08cc3'],
  ['series-5', '#6b6200', '#d9cc4a'],
  ['series-6', '#3d4fb5', '#9daaf5'],
  ['threshold', '#b3261e', '#ff8a80'],
  ['ceiling', '#565d66', '#a9b0ba'],
] as const

export type ColorName = (typeof entries)[number][0]

export const colors = Object.fromEntries(
  entries.map(([name, light, dark], index) => [
    name,
    { standIn: `#fe01${(index + 16).toString(16)}`, variable: `--${name}`, light, dark },
  ]),
) as Readonly<Record<ColorName, Color>>

const seriesNames = ['series-1', 'series-2', 'series-3', 'series-4', 'series-5', 'series-6'] as const

/** The colour of the series of that index; they come round again. */
export function seriesColor(index: number): string {
  return colors[seriesNames[index % seriesNames.length]!].standIn
}

export function seriesVariable(index: number): string {
  return `var(${colors[seriesNames[index % seriesNames.length]!].variable})`
}

/** Puts the variables in the places of the stand-ins. */
export function withVariables(svg: string): string {
  return svg.replaceAll(/#fe01[0-9a-f]{2}/g, (standIn) => {
    const color = Object.values(colors).find((each) => each.standIn === standIn)
    return color ? `var(${color.variable})` : standIn
  })
}

/** The variables as declarations, one theme. */
export function declarations(theme: 'light' | 'dark'): string {
  return Object.values(colors)
    .map((color) => `${color.variable}:${color[theme]};`)
    .join('')
}
