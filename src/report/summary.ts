/** The run as Markdown: for a pull request, a CI summary, a reader without a terminal. */
import { metricRowsOf } from './metrics-view.ts'
import { markdownTable, escapeMarkdown } from './markdown.ts'
import { isExcused } from './quarantine.ts'
import type { RunRecord } from './record.ts'
import {
  countsOf,
  detailsOf,
  explanationOf,
  logFilesOf,
  ratioText,
  ratioTitle,
  ratiosOf,
  rowsOf,
} from './view.ts'

export function renderSummary(record: RunRecord): string {
  const parts = [
    `# dpbench: ${countsOf(record)}`,
    record.notices.map((notice) => `> **Note:** ${notice}`).join('\n>\n'),
    markdownTable(
      ['suite', 'test', 'mode', 'threshold', 'throughput', 'expected', 'verdict', 'n', 'CoV', 'by software'],
      rowsOf(record).map((row) => [
        row.suite,
        row.name,
        row.mode,
        row.scenario,
        row.figure,
        row.expected,
        row.state === 'PASS' ? row.state : `**${row.state}**${isExcused(row.test) ? ' (quarantined)' : ''}`,
        row.n,
        row.cov,
        row.software,
      ]),
    ),
    markdownTable(
      ['test', 'measurement', 'figure', 'mode', 'measured', 'expected', 'verdict', 'n', 'CoV'],
      metricRowsOf(record).map((row) => [
        `${row.suite}: ${row.test}`,
        row.measurement,
        row.metric,
        row.mode,
        row.figure,
        row.expected,
        row.state,
        row.n,
        row.cov,
      ]),
    ),
    markdownTable(
      ['test', ratioTitle],
      ratiosOf(record).map((ratio) => [`${ratio.suite}: ${ratio.name}`, ratioText(ratio)]),
    ),
    section('What to know', remarks(record)),
    section('Left behind', record.leftovers.map(escapeMarkdown)),
    section('Logs', logFilesOf(record).map(escapeMarkdown)),
    section('Provenance', provenance(record)),
  ]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

function remarks(record: RunRecord): string[] {
  const ofTests = rowsOf(record).flatMap(({ test, state, suite, name }) => {
    const details = detailsOf(test)
    if (state === 'PASS' && details.length === 0) return []
    const mode = test.mode === undefined ? '' : ` (${test.mode})`
    const texts = [explanationOf(test), ...details].filter(Boolean)
    return [
      `**${state}** ${escapeMarkdown(`${suite}: ${name}${mode}`)}: ${texts.map(escapeMarkdown).join('; ')}`,
    ]
  })
  const ofRun = record.failures.map(
    ({ where, code, message }) => `**ERROR** ${escapeMarkdown(`${where}: ${code}: ${message}`)}`,
  )
  return [...ofTests, ...ofRun]
}

function provenance(record: RunRecord): string[] {
  const { profile, rule } = record
  const decides = rule === 'mean' ? 'the mean decides' : 'the 95 % interval of the mean decides'
  const repetitions = `${profile.repetitions.min} to ${profile.repetitions.max} repetitions`
  return [
    `run \`${record.runId}\`, ${record.startedAt} to ${record.finishedAt ?? 'its end, which is not recorded'}`,
    `dpbench ${escapeMarkdown(record.dpbenchVersion)}: \`${record.commandLine.join(' ').replaceAll('`', "'")}\``,
    `profile ${escapeMarkdown(profile.name)}: ${profile.keptSeconds} s kept, ${repetitions}; ${decides}`,
    `config ${escapeMarkdown(record.config.name ?? record.config.file ?? '')} \`${record.config.sha256.slice(0, 12)}\``,
    ...record.dataPlanes.map(({ machine, mode, image, digest, version }) =>
      escapeMarkdown([machine, mode, image, digest, version].filter(Boolean).join(', ')),
    ),
    ...record.machines.map(({ name, role, kernel, cpu, tools }) => {
      const versions = Object.entries(tools ?? {}).map(([tool, found]) => `${tool}: ${found}`)
      return escapeMarkdown([`${role} ${name}`, kernel, cpu, ...versions].filter(Boolean).join(', '))
    }),
  ]
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`## ${title}`, '', ...lines.map((line) => `- ${line}`)].join('\n')
}
