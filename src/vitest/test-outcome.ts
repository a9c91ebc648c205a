/** What became of a test, as the run record has it: from Vitest's result and from what its measurements left. */
import type { SerializedError, TestCase } from 'vitest/node'
import { ExitCode } from '../core/errors.ts'
import type { MeasuredMetrics } from '../report/metric-schema.ts'
import type { RecordedError, TestResult } from '../report/record.ts'
import type { TestEntry } from '../report/recorder.ts'
import type { DpbenchTaskMeta, MeasurementReport } from './run-context.ts'

export function scenarioOf(last: MeasurementReport | undefined): { scenario?: string } {
  const scenario = last?.verdict?.expected.key ?? last?.scenario
  return scenario === undefined ? {} : { scenario }
}

export function testResult(test: TestCase, meta: DpbenchTaskMeta | undefined): TestResult {
  const result = test.result()
  const verdict = meta?.measurements
    .map((measurement) => measurement.verdict)
    .findLast((each) => each !== undefined)
  if (result.state === 'skipped') return { state: 'skipped', reason: result.note ?? 'not run' }
  if (result.state !== 'failed') {
    return verdict ? { state: 'judged', verdict: verdict as never } : { state: 'passed' }
  }
  const errors = result.errors.map(recorded)
  const assessed = assessedBy(errors, meta)
  if (assessed) return assessed
  const worse = regressionsIn(meta)
  const foreign = asOne(
    errors.filter((error) => ![verdict?.sentence, ...worse].some((said) => isVerdict(error, said))),
  )
  if (!foreign && worse.length > 0) {
    const missed = verdict && verdict.state !== 'PASS' ? [`${verdict.state}: ${verdict.sentence}`] : []
    const message = [...worse, ...missed].join('\n')
    return { state: 'failed', message, ...(verdict && { verdict: verdict as never }) }
  }
  if (!foreign && verdict) return { state: 'judged', verdict: verdict as never }
  const error = foreign ?? {
    code: 'Error',
    message: 'failed without an error',
    exitCode: ExitCode.infrastructure,
  }
  if (error.code === 'AssertionError' || error.exitCode === ExitCode.thresholdMissed)
    return { state: 'failed', message: error.message, ...(verdict && { verdict: verdict as never }) }
  return { state: 'error', error, ...(verdict && { verdict: verdict as never }) }
}

/** Vitest takes things that failed at once apart; each is said, and the first says of what kind it was. */
function asOne([first, ...others]: readonly RecordedError[]): RecordedError | undefined {
  if (!first) return undefined
  const messages = new Set([first, ...others].map(({ message }) => message))
  return { ...first, message: [...messages].join('\n') }
}

/** In sentences, what was worse than a baseline, and was so again. */
function regressionsIn(meta: DpbenchTaskMeta | undefined): string[] {
  const checks = baselinesOf(meta).baselines ?? []
  return [...new Set(checks.filter(({ state }) => state === 'regression').map(({ sentence }) => sentence))]
}

export function baselinesOf(meta: DpbenchTaskMeta | undefined): Pick<TestEntry, 'baselines'> {
  const checks = (meta?.measurements ?? []).flatMap(({ baselines = [] }) => baselines)
  return checks.length === 0 ? {} : { baselines: checks }
}

export function metricsOf(meta: DpbenchTaskMeta | undefined): MeasuredMetrics[] {
  return (meta?.measurements ?? []).flatMap(({ name, metrics, notes = [], invalid }) =>
    metrics
      ? [
          {
            measurement: name,
            metrics: [...metrics],
            notes: [...notes],
            ...(invalid !== undefined && { invalid }),
          },
        ]
      : [],
  )
}

/** A failure that is the verdicts of figures beside throughput, and nothing else. */
function assessedBy(
  errors: readonly RecordedError[],
  meta: DpbenchTaskMeta | undefined,
): TestResult | undefined {
  const said = (meta?.measurements ?? []).flatMap(({ metrics = [], invalid }) => [
    ...(invalid === undefined ? [] : [{ state: 'INVALID' as const, sentence: invalid }]),
    ...metrics.flatMap(({ verdict }) => (verdict ? [verdict] : [])),
  ])
  const found = errors.map((error) => said.find(({ sentence }) => isVerdict(error, sentence)))
  if (found.length === 0 || found.some((each) => each === undefined)) return undefined
  const states = new Set(found.map((each) => each!.state))
  const verdict = (['INVALID', 'FAIL', 'UNSTABLE'] as const).find((state) => states.has(state))
  return verdict && { state: 'assessed', verdict, sentences: found.map((each) => each!.sentence) }
}

function isVerdict(error: RecordedError, sentence: string | undefined): boolean {
  return sentence !== undefined && error.message.includes(sentence)
}

/** An error as it came over from the worker: own properties are kept, the class is not. */
export function recorded(error: SerializedError): RecordedError {
  const code = typeof error.code === 'string' ? error.code : (error.name ?? 'Error')
  const exitCode = typeof error.exitCode === 'number' ? error.exitCode : ExitCode.infrastructure
  const causes: string[] = []
  for (
    let cause = error.cause as SerializedError | undefined;
    cause;
    cause = cause.cause as SerializedError | undefined
  ) {
    if (cause.message && !error.message.includes(cause.message)) causes.push(`  because: ${cause.message}`)
  }
  const inner = Array.isArray(error.errors)
    ? [...new Set((error.errors as SerializedError[]).map((each) => `  ${each.message}`))]
    : []
  return { code, message: [error.message, ...inner, ...causes].join('\n'), exitCode }
}

export function resultLine(result: TestResult): string {
  switch (result.state) {
    case 'assessed':
      return `${result.verdict}: ${result.sentences.join('; ')}`
    case 'judged':
      return `${result.verdict.state}: ${result.verdict.sentence}`
    case 'passed':
      return 'passed'
    case 'failed':
      return `FAIL: ${result.message}`
    case 'error':
      return `ERROR: ${result.error.message}`
    case 'skipped':
      return `skipped: ${result.reason}`
  }
}
