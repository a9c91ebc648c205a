/**
 * Charts as self-contained SVG text, drawn on the server by ECharts. Only the parts that are used are loaded; what needs
 * another kind of series registers it here.
 */
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkAreaComponent, TitleComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([
  SVGRenderer,
  BarChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TitleComponent,
])

export interface ChartSize {
  readonly width: number
  readonly height: number
}

/** Draws a chart. `label` says in words what it shows, for readers who can't see it. */
export function renderSvg(option: EChartsCoreOption, { width, height }: ChartSize, label: string): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option })
    const named = `<svg role="img" aria-label="${label.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')}"`
    return `${chart.renderToSVGString().replace('<svg', named)}\n`
  } finally {
    chart.dispose()
  }
}
