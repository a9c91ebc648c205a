/** The pages of several runs as one list, in the order in which they were named; what could not be read is named too. */
import type { RunRecord } from '../record.ts'
import { countsOf } from '../view.ts'
import { documentOf } from './document.ts'
import { html } from './markup.ts'
import { scrolling } from './parts.ts'

export interface ListedRun {
  readonly record: RunRecord
  /** Its page, relative to the list; with slashes. */
  readonly page: string
}

/** @param refused in a sentence each */
export function renderIndex(runs: readonly ListedRun[], refused: readonly string[]): string {
  const title = `dpbench: ${runs.length} runs`
  const body = html`<header><h1>${title}</h1></header>
    <main>
      ${refused.map((sentence) => html`<p class="notice trouble">${sentence}</p>`)}
      ${scrolling(
        'Runs',
        html`<table class="runs">
          <caption>
            Each run and what came of it
          </caption>
          <thead>
            <tr>
              ${['run', 'started', 'modes', 'came to', 'exit code'].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${runs.map(row)}
          </tbody>
        </table>`,
      )}
    </main>`
  return documentOf({ title, body })

  function row({ record, page }: ListedRun) {
    const address = page.split('/').map(encodeURIComponent).join('/')
    return html`<tr>
      <th scope="row"><a href="./${address}">${record.tag ?? record.runId}</a></th>
      <td>${record.startedAt}</td>
      <td>${record.modes.join(', ')}</td>
      <td>${countsOf(record)}</td>
      <td class="figure">${record.outcome.exitCode}</td>
    </tr>`
  }
}
