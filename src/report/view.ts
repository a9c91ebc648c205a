/** What every report shows of a record, as text in cells: rows by suite and test with the modes side by side, and ratios. */
import { join } from 'node:path'
import type { LogKind } from '../core/kept-log.ts'
import { formatCount, formatExpected, formatMeanGbit, formatPercent } from '../verdict/format.ts'
import { summarise } from '../verdict/statistics.ts'
import { type RatioOfMeans, ratioOfMeans } from '../verdict/ratio.ts'
import type { SampleStatistics, Verdict } from '../verdict/verdict.ts'
import { stateOf, type TestState } from './outcome.ts'
import { plainText } from './plain-text.ts'
import { quarantineSentence } from './quarantine.ts'
import type { RunRecord, TestRecord } from './record.ts'

export interface Row {
  readonly test: TestRecord
  readonly suite: string
  readonly name: string
  readonly mode: string
  readonly scenario: string
  /** `9.41 ± 0.12 Gbit/s` */
  readonly figure: string
  /** `≥ 8` */
  readonly expected: string
  readonly state: TestState
  readonly n: string
  readonly cov: string
  /** What the software path handled of the flows' packets: the evidence of the mode. */
  readonly software: string
}

/** The same test in both modes. */
export interface Ratio extends RatioOfMeans {
  readonly suite: string
  /** The test, and the figure where it is not throughput: `rtt under load: ping ipv4 vm1 → vm2, median`. */
  readonly name: string
}

/** Over the ratios in every report. A data plane that could change its mode would have them interleaved (docs/modes.md). */
export const ratioTitle = 'offload / non-offload, 95 % interval; the modes ran one after the other'

const nothing = '—'

/** One row per test and mode, each test's modes next to each other, in the order of the run. */
export function rowsOf(record: RunRecord): Row[] {
  return [...groupsOf(record).values()].flat().map(rowOf)
}

/** offload / non-offload of the means, for each figure that a test has in both modes. */
export function ratiosOf(record: RunRecord): Ratio[] {
  return [...groupsOf(record).values()].flatMap((tests) => {
    const figures = (mode: string): ReadonlyMap<string, SampleStatistics> =>
      figuresOf(tests.find((test) => test.mode === mode))
    const software = figures('non-offload')
    return [...figures('offload')].flatMap(([name, offload]) => {
      const below = software.get(name)
      return below && below.mean > 0
        ? [{ suite: tests[0]!.suite, name, ...ratioOfMeans(offload, below) }]
        : []
    })
  })
}

/** `3.67 × (2.91 to 4.60)` */
export function ratioText({ ratio, interval }: RatioOfMeans): string {
  const limits = interval ? `${interval.lower.toFixed(2)} to ${interval.upper.toFixed(2)}` : 'no interval'
  return `${ratio.toFixed(2)} × (${limits})`
}

/** The verdict of a test, if it has one. */
export function verdictOf({ result }: TestRecord): Verdict | undefined {
  return 'verdict' in result && typeof result.verdict === 'object' ? result.verdict : undefined
}

/** Of a test that measured throughput and held it against nothing. */
export function measuredOnly({ result, scenario, repetitions }: TestRecord): SampleStatistics | undefined {
  const measured = repetitions.filter((sample) => sample.state === 'measured')
  if (result.state !== 'passed' || scenario === undefined || measured.length === 0) return undefined
  return summarise(measured.map(({ receiver }) => receiver.bitsPerSecond))
}

/** In a sentence, why a test came out as it did. Empty when there is nothing to say. */
export function explanationOf(test: TestRecord): string {
  const { result } = test
  switch (result.state) {
    case 'judged':
      return result.verdict.sentence
    case 'assessed':
      return result.sentences.join('; ')
    case 'error':
      return `${result.error.code}: ${result.error.message}`
    case 'failed':
      return result.message
    case 'skipped':
      return result.reason
    case 'passed':
      return ''
  }
}

/** The reasons of a verdict that its sentence does not say already. */
export function reasonsOf(test: TestRecord): string[] {
  const verdict = verdictOf(test)
  // The sentence of an invalid verdict says the first reason, that of an unstable one all of them.
  return verdict?.state === 'INVALID' ? verdict.reasons.slice(1).map(({ message }) => message) : []
}

/** Likely causes of a figure, where they explain something: of what passed, the record alone has them. */
export function causesOf(test: TestRecord): string[] {
  const verdict = verdictOf(test)
  return verdict && verdict.state !== 'PASS'
    ? (verdict.why ?? []).map(({ message }) => `why: ${message}`)
    : []
}

/** The remarks beside a verdict. */
export function notesOf(test: TestRecord): readonly string[] {
  const ofMetrics = test.metrics.flatMap(({ measurement, notes }) =>
    notes.map((note) => `${measurement}: ${note}`),
  )
  return [...(verdictOf(test)?.notes ?? []), ...ofMetrics]
}

/** Reasons, causes, remarks, what was held against a baseline, and quarantine. */
export function detailsOf(test: TestRecord): string[] {
  const quarantine = quarantineSentence(test)
  return [
    ...(quarantine === undefined ? [] : [quarantine]),
    ...reasonsOf(test),
    ...causesOf(test),
    ...notesOf(test),
    ...baselineSentencesOf(test),
    ...flightOf(test),
  ]
}

/** Where the machines' state at the moment of the failure is. */
export function flightOf({ flight }: Pick<TestRecord, 'flight'>, folder = ''): string[] {
  return flight === undefined ? [] : [`flight recorder: ${join(folder, flight, 'index.md')}`]
}

/** What came out of holding a test against baselines; not what its explanation says already. */
export function baselineSentencesOf(test: TestRecord): string[] {
  const said = explanationOf(test)
  return (test.baselines ?? []).map(({ sentence }) => sentence).filter((sentence) => !said.includes(sentence))
}

/** `4 passed, 1 failed` */
export function countsOf({ outcome: { counts } }: RunRecord): string {
  const words = [
    [counts.passed, 'passed'],
    [counts.failed, 'failed'],
    [counts.unstable, 'unstable'],
    [counts.invalid, 'invalid'],
    [counts.errors, counts.errors === 1 ? 'error' : 'errors'],
    [counts.skipped, 'skipped'],
    [counts.quarantined ?? 0, 'quarantined'],
  ] as const
  const said = words.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  return said.join(', ') || 'no test ran'
}

/** The flight recordings and logs that were kept, with whose they are. */
export function logFilesOf({ logs, flights = [] }: RunRecord): string[] {
  const size = (bytes: number): string => `${formatCount(Math.ceil(bytes / 1024))} KiB`
  const recordings = flights.map(({ folder, occasion, test, pieces, missing, bytes }) => {
    const of = test ? `${test.suite} › ${test.name}` : occasion
    return `${join(folder, 'index.md')}: flight recorder, ${of}, ${pieces} pieces (${missing} missing), ${size(bytes)}`
  })
  const files = logs.map(
    ({ file, machine, kind, bytes }) => `${file}: ${kindNames[kind]} ${machine}, ${size(bytes)}`,
  )
  return [...recordings, ...files].map((line) => plainText(line))
}

const kindNames: Readonly<Record<LogKind, string>> = {
  'data-plane': 'data plane on',
  console: 'console of',
  journal: 'system log of',
}

/** `9.41 ± 0.12 Gbit/s` */
export function figureOf({ mean, interval }: SampleStatistics): string {
  return `${formatMeanGbit(mean, interval?.halfWidth ?? null)} Gbit/s`
}

function groupsOf(record: RunRecord): Map<string, TestRecord[]> {
  const bySuite = Map.groupBy(record.tests, ({ suite }) => suite)
  const inSuites = [...bySuite.values()].flat()
  return Map.groupBy(inSuites, ({ suite, name }) => JSON.stringify([suite, name]))
}

function rowOf(test: TestRecord): Row {
  const verdict = verdictOf(test)
  const statistics = verdict && 'statistics' in verdict ? verdict.statistics : measuredOnly(test)
  const cov = statistics?.coefficientOfVariation
  return {
    test,
    suite: test.suite,
    name: plainText(test.name),
    mode: test.mode ?? nothing,
    scenario: test.scenario ?? verdict?.expected.key ?? nothing,
    figure: statistics ? figureOf(statistics) : nothing,
    expected: verdict ? `≥ ${formatExpected(verdict.expected.bitsPerSecond)}` : nothing,
    state: stateOf(test.result),
    n: statistics ? String(statistics.n) : String(test.repetitions.length || nothing),
    cov: cov === undefined || cov === null ? nothing : formatPercent(cov),
    software: softwareOf(test),
  }
}

/** Of all repetitions, what speaks most against the mode. */
function softwareOf({ repetitions, mode }: TestRecord): string {
  const evidence = repetitions.flatMap(({ modeEvidence }) => modeEvidence ?? [])
  const shares = evidence.flatMap(({ softwareShare }) => softwareShare ?? [])
  if (evidence.length === 0) return nothing
  if (shares.length < evidence.length) return 'unknown'
  return formatPercent(mode === 'offload' ? Math.max(...shares) : Math.min(...shares))
}

/** In a sentence, what the repetitions show of the mode. Empty where no mode was looked at. */
export function evidenceOf(test: TestRecord): string {
  const said = new Set(
    test.repetitions.flatMap(({ repetition, modeEvidence }) =>
      modeEvidence
        ? [`repetition ${repetition}: mode ${test.mode} ${modeEvidence.state}: ${modeEvidence.detail}`]
        : [],
    ),
  )
  return [...said].join('\n  ')
}

/** The figures of a test by name: its throughput, and those beside it. */
function figuresOf(test: TestRecord | undefined): ReadonlyMap<string, SampleStatistics> {
  if (!test) return new Map()
  const verdict = verdictOf(test)
  const beside = test.metrics.flatMap(({ measurement, metrics }) =>
    metrics.map(
      ({ name, statistics }) =>
        [`${test.name}: ${measurement}, ${name}`, statistics as SampleStatistics] as const,
    ),
  )
  const throughput = verdict && 'statistics' in verdict ? [[test.name, verdict.statistics] as const] : []
  return new Map([...throughput, ...beside])
}
