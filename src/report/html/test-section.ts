/** One test of a run in all its modes: what it came to, why, and its charts. */
import type { Cause } from '../../verdict/counters.ts'
import { stateOf } from '../outcome.ts'
import type { MeasurementProfile } from '../../verdict/verdict.ts'
import { quarantineSentence } from '../quarantine.ts'
import type { TestRecord } from '../record.ts'
import { formatSeconds } from '../seconds.ts'
import { baselineSentencesOf, evidenceOf, explanationOf, notesOf, reasonsOf, verdictOf } from '../view.ts'
import { busiestOverTime, cores } from './cores.ts'
import { distribution } from './distribution.ts'
import { interfaces } from './interfaces.ts'
import { type Fragment, type Markup, html } from './markup.ts'
import { overTime } from './over-time.ts'
import { type TestGroup, ratioOf, stateBadge } from './parts.ts'

export function testSection(
  { id, suite, name, tests, ratio }: TestGroup,
  { warmUpSeconds }: MeasurementProfile,
): Markup {
  return html`<article id="${id}">
    <h3>${suite}: ${name}</h3>
    ${tests.map(outcome)} ${ratio && html`<p>${ratioOf(ratio)}</p>`} ${distribution(tests)}
    ${tests.filter(wasRun).map((test) => measured(test, warmUpSeconds))}
    <p class="up"><a href="#verdicts">Back to the verdicts</a></p>
  </article>`
}

/** Of a skipped test there is nothing but its reason, unless it was cut short. */
function wasRun({ result, repetitions }: TestRecord): boolean {
  return result.state !== 'skipped' || repetitions.length > 0
}

function outcome(test: TestRecord): Markup {
  const why = verdictOf(test)?.why ?? []
  const quarantine = quarantineSentence(test)
  return html`<p class="sentence">
      ${stateBadge(test)}
      ${test.mode && html`<b>${test.mode}</b> `}${explanationOf(test)}${quarantine !== undefined && html` <b>${quarantine}</b>`}
    </p>
    ${list('Reasons', reasonsOf(test))} ${causes(test, why)} ${list('Remarks', notesOf(test))}
    ${list('Against baselines', baselineSentencesOf(test))} ${list('Without a figure', withoutFigure(test))}`
}

/** Repetitions that could not be used, and measurements that came to nothing. */
function withoutFigure({ repetitions, metrics }: TestRecord): string[] {
  return [
    ...repetitions.flatMap((sample) =>
      sample.state === 'unusable'
        ? [`repetition ${sample.repetition}: ${sample.faults.join('; ') || 'unusable'}`]
        : [],
    ),
    ...metrics.flatMap(({ measurement, invalid }) =>
      invalid === undefined ? [] : [`${measurement}: ${invalid}`],
    ),
  ]
}

/** Of a test that passed they are there for the curious. */
function causes(test: TestRecord, why: readonly Cause[]): Markup | undefined {
  const messages = why.map(({ message }) => message)
  if (stateOf(test.result) !== 'PASS' || messages.length === 0) return list('Likely causes', messages)
  return html`<details>
    <summary>What bounded it: ${messages.length} likely causes</summary>
    ${items(messages)}
  </details>`
}

function measured(test: TestRecord, warmUpSeconds: number): Markup {
  const evidence = evidenceOf(test).split('\n').filter(Boolean)
  const charts = [overTime(test, warmUpSeconds), cores(test), busiestOverTime(test)]
  const took = formatSeconds(test.durationMs / 1000)
  return html`<h4>${test.mode ?? 'Measurement'}</h4>
    <p>${test.scenario && `threshold ${test.scenario}, `}started ${test.startedAt}, took ${took}</p>
    ${charts} ${interfaces(test)}
    ${
      evidence.length > 0 &&
      html`<details>
        <summary>Evidence of the mode</summary>
        ${items(evidence)}
      </details>`
    }
    ${test.flight !== undefined && html`<p><a href="${test.flight}/index.md">Flight recorder</a>: what all machines told when it failed</p>`}
    ${
      test.artifacts.length > 0 &&
      html`<details>
        <summary>${test.artifacts.length} raw outputs in the results folder</summary>
        ${items(test.artifacts.map((name) => html`<code>${name}</code>`))}
      </details>`
    }`
}

function list(title: string, lines: readonly string[]): Markup | undefined {
  return lines.length === 0
    ? undefined
    : html`<p><b>${title}</b></p>
        ${items(lines)}`
}

function items(lines: readonly Fragment[]): Markup {
  return html`<ul class="details">
    ${lines.map((line) => html`<li>${line}</li>`)}
  </ul>`
}
