/**
 * The timeline: a lane per machine, a mark per step, drawn by the page's script from data inside the page. The outputs of
 * all steps together are bounded, and their names, so that the page stays one that can be mailed: what failed keeps its
 * output longest.
 */
import type { RunRecord } from '../record.ts'
import { type StepRecord, keptOutputCharacters } from '../step-schema.ts'
import { type Markup, embeddedJson, html } from './markup.ts'
import { plainText } from '../plain-text.ts'

/** Characters of output in one page, all steps together. */
const outputBudget = 150_000
/** Marks in one page; of more, the shortest that went well are left to run.json. */
const mostSteps = 1_500
/** Characters of a name; a command can be as long as a script. */
const longestName = 160

/** What the marks' colours in styles.ts say. */
const legend = [
  ['phase', 'muted'],
  ['command', 'series-1'],
  ['Docker', 'series-3'],
  ['connection', 'series-4'],
  ['file', 'series-5'],
  ['failed', 'fail'],
  ['ended before its end (hollow)', 'unstable'],
] as const

/** As the script reads it: seconds from the run's start. */
interface Mark {
  readonly lane: number
  readonly at: number
  readonly for: number
  readonly kind: string
  readonly name: string
  /** Where it is not `ok`. */
  readonly outcome?: string
  /** Its place among the details, of which many steps have the same. */
  readonly detail: number
  readonly output?: string
  readonly cut?: true
}

export function timeline(record: RunRecord): Markup {
  const { steps } = record
  if (steps.length === 0) {
    return html`<section aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <p>This record has no timeline: it was made before dpbench kept one, or nothing was done.</p>
    </section>`
  }
  const machines = [...new Set(steps.map(({ machine }) => machine))]
  const shown = fewer(steps)
  const left = steps.length - shown.length
  return html`<section aria-labelledby="timeline-title" id="timeline">
    <h2 id="timeline-title">Timeline</h2>
    <p>
      ${steps.length} steps on ${machines.length}
      machines.${left > 0 && ` The ${left} shortest are left out here and stand in run.json.`} Click a step,
      or choose one with the arrow keys and press Enter, to see its output; Escape closes it.
    </p>
    <noscript><p>The timeline is drawn by a script in this page. run.json has its steps, too.</p></noscript>
    <div class="timeline-controls">
      <button type="button" data-zoom="2">Zoom in</button>
      <button type="button" data-zoom="0.5">Zoom out</button>
      <button type="button" data-zoom="0">Whole run</button>
      <label><input type="checkbox" id="timeline-failed" /> only what failed</label>
      <label>Find <input type="search" id="timeline-find" size="18" /></label>
      <span id="timeline-count" role="status"></span>
    </div>
    <ul class="legend" aria-label="Colours of the steps">
      ${legend.map(
        ([name, color]) => html`<li><span class="key" style="color:var(--${color})"></span>${name}</li>`,
      )}
    </ul>
    <div
      class="scroll lanes"
      id="timeline-lanes"
      tabindex="0"
      role="group"
      aria-label="Steps by machine"
    ></div>
    <div
      id="timeline-output"
      class="step-output"
      hidden
      tabindex="-1"
      role="region"
      aria-label="Output of a step"
    >
      <div class="step-head">
        <h3 id="timeline-output-title"></h3>
        <button type="button" id="timeline-close">Close</button>
      </div>
      <p id="timeline-output-detail"></p>
      <pre id="timeline-output-text" tabindex="0"></pre>
    </div>
    <script type="application/json" id="timeline-data">
      ${embeddedJson({ machines: machines.map(plainText), ...marksOf(record, shown, machines) })}
    </script>
  </section>`
}

function fewer(steps: readonly StepRecord[]): readonly StepRecord[] {
  if (steps.length <= mostSteps) return steps
  const weight = ({ outcome, kind, durationMs }: StepRecord): number =>
    outcome === 'ok' && kind !== 'phase' ? durationMs : Infinity
  const kept = new Set(steps.toSorted((a, b) => weight(b) - weight(a)).slice(0, mostSteps))
  return steps.filter((step) => kept.has(step))
}

function marksOf(
  { startedAt }: RunRecord,
  steps: readonly StepRecord[],
  machines: readonly string[],
): { readonly details: readonly string[]; readonly marks: readonly Mark[] } {
  const begin = Math.min(Date.parse(startedAt), ...steps.map((step) => Date.parse(step.startedAt)))
  const limits = outputLimits(steps)
  const details = [...new Set(steps.map(detailOf))]
  const places = new Map(details.map((detail, index) => [detail, index]))
  const marks = steps.map((step): Mark => {
    const { name, output, outcome } = step
    const limit = outcome === 'ok' ? limits.ok : limits.failed
    const isCut = name.length > longestName || (output?.length ?? 0) > limit
    return {
      lane: machines.indexOf(step.machine),
      at: Math.round(Date.parse(step.startedAt) - begin) / 1000,
      for: Math.round(step.durationMs) / 1000,
      kind: step.kind,
      name: plainText(name.length > longestName ? `${name.slice(0, longestName)}…` : name),
      ...(outcome !== 'ok' && { outcome }),
      detail: places.get(detailOf(step))!,
      ...(output !== undefined && { output: plainText(output.slice(0, limit)) }),
      ...(isCut && { cut: true }),
    }
  })
  return { details, marks }
}

/** Characters that one output may have, so that all together keep to the budget: what failed has its part first. */
function outputLimits(steps: readonly StepRecord[]): { readonly ok: number; readonly failed: number } {
  const lengths = (isOk: boolean): number[] =>
    steps.filter(({ outcome }) => (outcome === 'ok') === isOk).map(({ output }) => output?.length ?? 0)
  const failed = limitWithin(outputBudget, lengths(false))
  const left = outputBudget - totalOf(lengths(false), failed)
  return { failed, ok: limitWithin(left, lengths(true)) }
}

function limitWithin(budget: number, lengths: readonly number[]): number {
  let limit = keptOutputCharacters
  while (limit > 0 && totalOf(lengths, limit) > budget) limit = Math.floor(limit * 0.9)
  return limit
}

function totalOf(lengths: readonly number[], limit: number): number {
  return lengths.reduce((sum, length) => sum + Math.min(length, limit), 0)
}

function detailOf({ kind, mode, test, exitStatus, signal, outcome, count }: StepRecord): string {
  const parts = [
    kind,
    mode,
    test && `${test.suite}: ${test.name}`,
    outcome,
    count && `${count} times, the last shown`,
    exitStatus === undefined ? undefined : `exit status ${exitStatus}`,
    signal && `ended by ${signal}`,
  ]
  return plainText(parts.filter(Boolean).join(' · '))
}
