/**
 * A run as one HTML file that needs no other: no script, style, font or picture is fetched, and its policy forbids it. Charts
 * are SVG drawn beforehand; the one script draws the timeline.
 */
import type { RunRecord } from '../record.ts'
import { formatSeconds } from '../seconds.ts'
import { countsOf } from '../view.ts'
import { documentOf } from './document.ts'
import { type Markup, html } from './markup.ts'
import { groupsOf } from './parts.ts'
import { provenance } from './provenance.ts'
import { script } from './script.ts'
import { testSection } from './test-section.ts'
import { timeline } from './timeline.ts'
import { metricTable, ratioTable, verdictTable } from './verdict-table.ts'

export function renderHtml(record: RunRecord): string {
  const title = `dpbench: ${countsOf(record)}${record.tag ? ` (${record.tag})` : ''}`
  const groups = groupsOf(record)
  const body = html`<a class="skip" href="#verdicts">To the verdicts</a>
    <header>
      <h1>${title}</h1>
      <p>${whenOf(record)}</p>
      <nav aria-label="Parts of this page">
        <ul>
          <li><a href="#verdicts">Verdicts</a></li>
          <li><a href="#tests">Tests</a></li>
          <li><a href="#timeline-title">Timeline</a></li>
          <li><a href="#provenance">Provenance</a></li>
        </ul>
      </nav>
    </header>
    <main>
      ${record.notices.map((notice) => html`<p class="notice">${notice}</p>`)} ${troubles(record)}
      <section aria-labelledby="verdicts">
        <h2 id="verdicts">Verdicts</h2>
        ${verdictTable(record, groups)} ${ratioTable(record)}
      </section>
      ${metricTable(record)}
      <section aria-labelledby="tests">
        <h2 id="tests">Tests</h2>
        ${groups.map((group) => testSection(group, record.profile))}
      </section>
      ${timeline(record)} ${provenance(record)}
    </main>
    <footer><p>Made by dpbench from run.json, which has every sample.</p></footer>`
  return documentOf({ title, body, script, generator: `dpbench ${record.dpbenchVersion}` })
}

function whenOf({
  startedAt,
  finishedAt,
  interruptedBy,
  modes,
  profile,
  outcome,
  ...run
}: RunRecord): string {
  const took =
    finishedAt === undefined
      ? 'and never finished'
      : `took ${formatSeconds((run.durationMs ?? Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)}`
  const cut = interruptedBy ? `, interrupted by ${interruptedBy}` : ''
  return `Started ${startedAt}, ${took}${cut}. Modes ${modes.join(', ')}; profile ${profile.name}; exit code ${outcome.exitCode}.`
}

/** What went wrong outside of tests. */
function troubles({ failures, leftovers }: RunRecord): readonly Markup[] {
  return [
    ...failures.map(
      ({ where, code, message }) => html`<p class="notice trouble"><b>${where}</b>: ${code}: ${message}</p>`,
    ),
    ...leftovers.map((what) => html`<p class="notice trouble"><b>Left behind</b>: ${what}</p>`),
  ]
}
