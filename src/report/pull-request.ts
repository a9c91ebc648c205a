/** A run as a short Markdown text for a pull request or a CI summary: the verdicts at once, everything else folded. */
import type { RunRecord, TestRecord } from './record.ts'
import { renderSummary } from './summary.ts'
import { countsOf, figureOf, ratioText, ratioTitle, ratiosOf, rowsOf, verdictOf } from './view.ts'
import { escapeMarkdown, markdownTable } from './markdown.ts'
import { stateOf } from './outcome.ts'
import { isExcused } from './quarantine.ts'

/** What GitHub takes in one comment, in characters; a CI summary may have more. */
const commentLimit = 65_000

export function renderPullRequest(record: RunRecord): string {
  const head = [
    `### dpbench: ${countsOf(record)}`,
    ...record.notices.map((notice) => `> ${escapeMarkdown(notice)}`),
    verdicts(record),
    ...record.failures.map(({ where, message }) => `- **ERROR** ${escapeMarkdown(`${where}: ${message}`)}`),
  ].filter((part) => part !== '')
  const short = head.join('\n\n')
  const whole = `${short}\n\n<details><summary>Details and provenance</summary>\n\n${renderSummary(record)}\n</details>\n`
  return whole.length <= commentLimit
    ? whole
    : `${short}\n\nThe details are too long for a comment: see summary.md in the results folder.\n`
}

/** A row per test, the modes beside each other. */
function verdicts(record: RunRecord): string {
  const rows = rowsOf(record).map(({ test }) => test)
  const modes = [...new Set(rows.map(({ mode }) => mode ?? 'result'))]
  const ratios = ratiosOf(record)
  const groups = [...Map.groupBy(rows, ({ suite, name }) => JSON.stringify([suite, name])).values()]
  return markdownTable(
    ['test', ...modes, ...(ratios.length > 0 ? [ratioTitle] : [])],
    groups.map((tests) => {
      const { suite, name } = tests[0]!
      const ratio = ratios.find((each) => each.suite === suite && each.name === name)
      return [
        `${suite}: ${name}`,
        ...modes.map((mode) => cellOf(tests.find((each) => (each.mode ?? 'result') === mode))),
        ...(ratios.length > 0 ? [ratio ? ratioText(ratio) : '—'] : []),
      ]
    }),
  )
}

function cellOf(test: TestRecord | undefined): string {
  if (!test) return '—'
  const verdict = verdictOf(test)
  const state = `${stateOf(test.result)}${isExcused(test) ? ' (quarantined)' : ''}`
  const figure = verdict && 'statistics' in verdict ? ` ${figureOf(verdict.statistics)}` : ''
  return state === 'PASS' ? `${state}${figure}` : `**${state}**${figure}`
}
