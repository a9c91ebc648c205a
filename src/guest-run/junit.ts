/** Guest runs as JUnit XML: a suite per run, a case per subtest, or one for a script without subtests. Pure. */
import { XMLBuilder } from 'fast-xml-parser'
import type { GuestRunRecord, SubtestRecord } from './record.ts'

type Element = Record<string, unknown>

export function renderGuestJunit(records: readonly GuestRunRecord[]): string {
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  })
  const testsuite = records.map((record, id) => ({ '@id': id, ...suite(record) }))
  return builder.build({ '?xml': { '@version': '1.0', '@encoding': 'UTF-8' }, testsuites: { testsuite } })
}

function suite(record: GuestRunRecord): Element {
  const cases = casesOf(record)
  const count = (kind: string): number => cases.filter((each) => kind in each).length
  return {
    '@package': '',
    '@name': clean(record.script),
    '@timestamp': record.startedAt.slice(0, 19),
    '@hostname': record.launcher,
    '@tests': cases.length,
    '@failures': count('failure'),
    '@errors': count('error'),
    '@skipped': count('skipped'),
    '@time': seconds(record.durationMs),
    properties: { property: [{ '@name': 'verdict', '@value': clean(record.verdict.sentence) }] },
    testcase: cases,
    'system-out': clean(record.verdict.lines.join('\n')),
    'system-err': '',
  }
}

function casesOf(record: GuestRunRecord): Element[] {
  const { script, verdict, durationMs, subtests } = record
  const element = ['died', 'not-started'].includes(verdict.outcome) ? 'error' : 'failure'
  const trouble = problem(element, verdict.outcome, verdict.sentence, verdict.lines)
  const whole = {
    ...named(script, script, durationMs),
    ...(verdict.outcome === 'success' ? {} : trouble),
  }
  if (subtests.length === 0) return [whole]
  const cases = subtests.map((each) => ({
    ...named(each.name, script, each.durationMs),
    ...subtestProblem(each, record),
  }))
  // what no subtest is to blame for must not be missed
  const blamed = cases.some((each) => 'failure' in each || 'error' in each)
  return verdict.outcome === 'success' || blamed ? cases : [...cases, whole]
}

function subtestProblem({ status, name }: SubtestRecord, { verdict }: GuestRunRecord): Element {
  if (status === 'PASSED') return {}
  if (status === 'NOTRUN') return { skipped: '' }
  return problem('failure', status, `${name} ${status}: ${verdict.sentence}`, verdict.lines)
}

function problem(element: string, type: string, message: string, lines: readonly string[]): Element {
  return { [element]: { '@type': type, '@message': clean(message), '#text': clean(lines.join('\n')) } }
}

function named(name: string, script: string, durationMs: number): Element {
  return { '@name': clean(name), '@classname': clean(script), '@time': seconds(durationMs) }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

/** XML 1.0 has no place for most control characters. */
function clean(text: string): string {
  return text.replaceAll(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
}
