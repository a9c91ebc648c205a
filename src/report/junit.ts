/**
 * The run as JUnit XML, in the part of the form that the Ant schema and the Jenkins schema (junit-10.xsd) both take: no
 * attributes on `testsuites`, times with three decimals, timestamps without a zone, properties and outputs per suite.
 */
import { XMLBuilder } from 'fast-xml-parser'
import { stateOf } from './outcome.ts'
import { plainText } from './plain-text.ts'
import { isExcused, quarantineSentence } from './quarantine.ts'
import type { RunRecord, TestRecord } from './record.ts'
import { detailsOf, evidenceOf, explanationOf, logFilesOf } from './view.ts'

type Element = Record<string, unknown>

/** One suite per suite and mode. FAIL and UNSTABLE are failures; INVALID and trouble outside of a test are errors. */
export function renderJunit(record: RunRecord): string {
  const groups = Map.groupBy(record.tests, ({ suite, mode }) => suiteName(suite, mode))
  const suites = [...groups].map(([name, tests]) => suiteElement(record, name, tests))
  if (record.failures.length > 0 || record.leftovers.length > 0) suites.push(infrastructureSuite(record))
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressBooleanAttributes: false,
    suppressEmptyNode: true,
  })
  const testsuite = suites.map((suite, id) => ({ '@id': id, ...suite }))
  const xml = builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: { testsuite },
  })
  return xml.endsWith('\n') ? xml : `${xml}\n`
}

function suiteElement(record: RunRecord, name: string, tests: readonly TestRecord[]): Element {
  const count = (element: string): number => tests.filter((test) => element in problemOf(test)).length
  const said = tests.map((test) =>
    [`${test.name}: ${explanationOf(test) || 'passed'}`, ...detailsOf(test), evidenceOf(test)]
      .filter(Boolean)
      .join('\n  '),
  )
  return {
    ...head(record, name, tests[0]?.startedAt ?? record.startedAt),
    '@tests': tests.length,
    '@failures': count('failure'),
    '@errors': count('error'),
    '@skipped': count('skipped'),
    '@time': seconds(tests.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    properties: { property: properties(record) },
    testcase: tests.map((test) => ({
      '@name': clean(test.name),
      '@classname': name,
      '@time': seconds(test.durationMs),
      ...problemOf(test),
    })),
    'system-out': clean([...record.notices, ...said, ...logFilesOf(record)].join('\n')),
    'system-err': '',
  }
}

/** What went wrong outside of tests must not be missed by a reader of tests: a suite of its own. */
function infrastructureSuite(record: RunRecord): Element {
  const cases = [
    ...record.failures.map(({ where, code, message }) => ({ name: where, type: code, message })),
    ...record.leftovers.map((left) => ({
      name: 'clean-up',
      type: 'LEFTOVER',
      message: `left behind: ${left}`,
    })),
  ]
  return {
    ...head(record, 'dpbench', record.startedAt),
    '@tests': cases.length,
    '@failures': 0,
    '@errors': cases.length,
    '@skipped': 0,
    '@time': seconds(0),
    properties: { property: properties(record) },
    testcase: cases.map(({ name, type, message }) => ({
      '@name': clean(name),
      '@classname': 'dpbench',
      '@time': seconds(0),
      error: problem(type, message),
    })),
    'system-out': clean(logFilesOf(record).join('\n')),
    'system-err': '',
  }
}

function head(record: RunRecord, name: string, startedAt: string): Element {
  const host = record.machines.find(({ role }) => role === 'controller')?.name
  return {
    '@name': name,
    '@package': 'dpbench',
    '@hostname': clean(host || 'localhost'),
    '@timestamp': new Date(startedAt).toISOString().slice(0, 19),
  }
}

function properties(record: RunRecord): Element[] {
  const images = record.dataPlanes.map(({ machine, mode, image, digest }) => ({
    name: ['image', machine, mode].filter(Boolean).join('.'),
    value: digest ? `${image} ${digest}` : image,
  }))
  const list = [
    { name: 'dpbench.version', value: record.dpbenchVersion },
    { name: 'run', value: record.runId },
    { name: 'profile', value: record.profile.name },
    { name: 'config.sha256', value: record.config.sha256 },
    ...images,
  ]
  return list.map(({ name, value }) => ({ '@name': clean(name), '@value': clean(value) }))
}

function problemOf(test: TestRecord): Element {
  const explanation = explanationOf(test)
  const text = [explanation, ...detailsOf(test)].join('\n')
  const state = stateOf(test.result)
  if (isExcused(test)) {
    const message = [quarantineSentence(test), `${state}: ${explanation}`].join('; ')
    return { skipped: { '@message': clean(message) } }
  }
  switch (state) {
    case 'PASS':
      return {}
    case 'FAIL':
    case 'UNSTABLE':
      return { failure: problem(state, text) }
    case 'INVALID':
      return { error: problem(state, text) }
    case 'ERROR':
      return { error: problem(test.result.state === 'error' ? test.result.error.code : state, text) }
    case 'SKIPPED':
      return { skipped: { '@message': clean(explanation) } }
  }
}

function problem(type: string, text: string): Element {
  return { '@message': clean(text.split('\n')[0] ?? ''), '@type': clean(type), '#text': clean(text) }
}

function suiteName(suite: string, mode: string | undefined): string {
  return clean([suite, mode].filter(Boolean).join('.'))
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

/** XML 1.0 has no way to write these characters, escaped or not. */
function clean(text: string): string {
  return plainText(text).replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '')
}
