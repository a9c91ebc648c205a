/** The pages of several runs as one list, in the order in which they were named; what could not be read is named too. */
import type { RunRecord } from '../record.ts'
import { countsOf } from '../view.ts'
import { html, trusted } from './markup.ts'
import { scrolling } from './parts.ts'
import { styles } from './styles.ts'

export interface ListedRun {
  readonly record: RunRecord
  /** Its page, relative to the list; with slashes. */
  readonly page: string
}

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

/** @param refused in a sentence each */
export function renderIndex(runs: readonly ListedRun[], refused: readonly string[]): string {
  const title = `dpbench: ${runs.length} runs`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${trusted(styles)}
        </style>
      </head>
      <body>
        <header><h1>${title}</h1></header>
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
        </main>
      </body>
    </html> `.text

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
