/** What comes first: every verdict of the run in one table, and what concerns all of it. */
import { metricRowsOf } from '../metrics-view.ts'
import { isExcused } from '../quarantine.ts'
import type { RunRecord } from '../record.ts'
import { type Row, ratioTitle, ratiosOf, rowsOf, verdictOf } from '../view.ts'
import { type Markup, html } from './markup.ts'
import { type TestGroup, ratioOf, scrolling, stateBadge } from './parts.ts'

export function verdictTable(record: RunRecord, groups: readonly TestGroup[]): Markup {
  const ids = new Map(groups.flatMap(({ id, tests }) => tests.map((test) => [test, id])))
  const rows = rowsOf(record)
  if (rows.length === 0) return html`<p>No test ran.</p>`
  return scrolling(
    'Verdicts',
    html`<table class="verdicts">
      <caption>
        Throughput is the mean of n repetitions with its 95 % interval
      </caption>
      <thead>
        <tr>
          ${['test', 'mode', 'verdict', 'throughput', 'expected', 'n', 'CoV', 'by software'].map(
            (title) => html`<th scope="col">${title}</th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => verdictRow(row, ids.get(row.test)!))}
      </tbody>
    </table>`,
  )
}

function verdictRow(row: Row, id: string): Markup {
  const verdict = verdictOf(row.test)
  const statistics = verdict && 'statistics' in verdict ? verdict.statistics : undefined
  return html`<tr data-suite="${row.suite}" data-test="${row.test.name}" data-mode="${row.test.mode}">
    <th scope="row"><a href="#${id}">${row.suite}: ${row.name}</a></th>
    <td>${row.mode}</td>
    <td>${stateBadge(row.test)}${isExcused(row.test) && ' quarantined'}</td>
    <td class="figure" data-mean="${statistics?.mean}" data-half-width="${statistics?.interval?.halfWidth}">
      ${row.figure}
    </td>
    <td class="figure">${row.expected}</td>
    <td class="figure">${row.n}</td>
    <td class="figure">${row.cov}</td>
    <td class="figure">${row.software}</td>
  </tr>`
}

export function ratioTable(record: RunRecord): Markup | undefined {
  const ratios = ratiosOf(record)
  if (ratios.length === 0) return undefined
  return scrolling(
    'Modes side by side',
    html`<table class="ratios">
      <caption>
        The modes side by side: ${ratioTitle}
      </caption>
      <thead>
        <tr>
          <th scope="col">test</th>
          <th scope="col">ratio</th>
        </tr>
      </thead>
      <tbody>
        ${ratios.map(
          (each) =>
            html`<tr>
              <th scope="row">${each.suite}: ${each.name}</th>
              <td class="figure" data-ratio="${each.ratio}">${ratioOf(each)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  )
}

export function metricTable(record: RunRecord): Markup | undefined {
  const rows = metricRowsOf(record)
  if (rows.length === 0) return undefined
  return html`<section aria-labelledby="figures-title">
    <h2 id="figures-title">Figures beside throughput</h2>
    ${scrolling(
      'Figures beside throughput',
      html`<table>
        <thead>
          <tr>
            ${['test', 'measurement', 'figure', 'mode', 'measured', 'expected', 'verdict', 'n', 'CoV'].map(
              (title) => html`<th scope="col">${title}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                <td>${row.suite}: ${row.test}</td>
                <td>${row.measurement}</td>
                <td>${row.metric}</td>
                <td>${row.mode}</td>
                <td class="figure">${row.figure}</td>
                <td class="figure">${row.expected}</td>
                <td>${row.state}</td>
                <td class="figure">${row.n}</td>
                <td class="figure">${row.cov}</td>
              </tr>`,
          )}
        </tbody>
      </table>`,
    )}
  </section>`
}
