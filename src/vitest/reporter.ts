/** What Vitest tells of a run, as progress lines and as entries of the run record. */
import { relative } from 'node:path'
import type {
  Reporter,
  SerializedError,
  TestCase,
  TestModule,
  TestRunEndReason,
  TestSpecification,
} from 'vitest/node'
import { ExitCode } from '../core/errors.ts'
import type { RecordedError, TestResult } from '../report/record.ts'
import { isExcused, quarantineOf, quarantineSentence } from '../report/quarantine.ts'
import type { TestEntry } from '../report/recorder.ts'
import type { MeasuredMetrics } from '../report/metric-schema.ts'
import { createTestFolder, writeRecord } from '../report/results-folder.ts'
import { figureOf, flightOf, measuredOnly } from '../report/view.ts'
import { suiteName } from './suite-name.ts'
import { showLive, showResult, showSuite } from './live/open.ts'
import { takeMessages } from './messages.ts'
import type { DpbenchTaskMeta, MeasurementReport } from './run-context.ts'
import { type Run, openResults, print } from './run.ts'
import { defaultTags, trafficTag } from './settings.ts'

/** Set by the bin, which has no other reporter: then what a test prints is ours to show. */
export const aloneVariable = 'DPBENCH_REPORTER_ALONE'

export class DpbenchReporter implements Reporter {
  private readonly run: Run
  private readonly begin: (specifications: readonly TestSpecification[]) => Promise<void>
  private readonly describedModes = new Set<string>()
  /** When a run is cancelled Vitest tells of all tests of a suite again. */
  private readonly told = new Set<string>()
  private lastLine = ''
  private leftOut = 0

  /** @param begin called with what is to run, before any of it */
  constructor(run: Run, begin: (specifications: readonly TestSpecification[]) => Promise<void>) {
    this.run = run
    this.begin = begin
  }

  onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    return this.begin(specifications)
  }

  onUserConsoleLog(log: { readonly content: string }): void {
    const { messages, rest } = takeMessages(log.content)
    for (const message of messages) {
      if (showLive(this.run, message)) continue
      if (message.type !== 'live' && message.type !== 'goOn')
        print(
          `${message.type === 'repetition' ? '    ' : message.type === 'log' ? '  ' : '\n'}${message.text}`,
        )
    }
    if (rest.trim() !== '' && process.env[aloneVariable]) print(rest.trimEnd())
  }

  onTestCaseReady(test: TestCase): void {
    if (test.options.mode !== 'run') return
    print(`▶ ${title(test)}`)
    this.run.screen?.state.testBegins(test.name, test.project.name, performance.now())
  }

  async onTestCaseResult(test: TestCase): Promise<void> {
    const result = test.result()
    if (result.state === 'pending' || this.told.has(test.id)) return
    this.told.add(test.id)
    if (result.state === 'skipped' && this.leavesOut(test)) return void this.leftOut++
    const { dpbench: meta, dpbenchFlight: flight } = test.meta()
    if (meta) this.describe(meta)
    if (meta?.kept && !this.run.kept) {
      this.run.kept = { test: test.name, mode: meta.mode }
      this.run.stop?.()
    }
    const last = meta?.measurements.at(-1)
    const outcome = testResult(test, meta)
    const suite = suiteName(test.module.moduleId)
    const mode = meta?.mode ?? test.project.name
    const { recorder } = this.run
    const resultsFolder = await openResults(this.run)
    const place = { suite, name: test.name, mode, ...scenarioOf(last) }
    const { config, startedAt } = this.run
    const quarantine = quarantineOf(config.quarantine ?? [], place, startedAt)
    recorder.test({
      ...place,
      ...(quarantine && { quarantine }),
      startedAt: new Date(test.diagnostic()?.startTime ?? Date.now()).toISOString(),
      durationMs: test.diagnostic()?.duration ?? 0,
      result: outcome,
      ...(last && { measurement: last.name }),
      ...baselinesOf(meta),
      metrics: metricsOf(meta),
      repetitions: meta?.measurements.flatMap((measurement) => measurement.samples) as never,
      folder: meta?.folder ?? (await createTestFolder(resultsFolder, { suite, name: test.name, mode })),
      artifacts: meta?.measurements.flatMap((measurement) => measurement.artifacts) ?? [],
      ...(flight !== undefined && { flight }),
    })
    const snapshot = recorder.snapshot()
    const only = measuredOnly(snapshot.tests.at(-1)!)
    const said = only ? `measured: ${figureOf(only)}, n=${only.n}` : resultLine(outcome)
    const excuse = isExcused({ result: outcome, quarantine })
      ? ` (${quarantineSentence({ result: outcome, quarantine })})`
      : ''
    const line = (outcome.state === 'skipped' ? `${title(test)}: ${said}` : said) + excuse
    print(outcome.state === 'error' && line === this.lastLine ? '  ERROR: the same' : `  ${line}`)
    this.lastLine = line
    for (const where of flightOf({ flight }, relative(process.cwd(), resultsFolder))) print(`  ${where}`)
    if (test.options.mode === 'run') showResult(this.run, test, outcome)
    await writeRecord(resultsFolder, snapshot)
  }

  onTestModuleCollected(module: TestModule): void {
    showSuite(this.run, module)
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.fail(module.relativeModuleId, error)
  }

  onTestRunEnd(
    _modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    _reason: TestRunEndReason,
  ): void {
    for (const error of unhandled) this.fail('outside of a test', error)
    if (this.leftOut > 0)
      print(`${this.leftOut} tests with the tag ${trafficTag} were left out: --tags ${trafficTag} runs them`)
  }

  /** What nobody asked for is no skipped test. */
  private leavesOut({ tags }: TestCase): boolean {
    return this.run.settings.tags === defaultTags && tags.includes(trafficTag)
  }

  private fail(where: string, error: SerializedError): void {
    const { code, message, exitCode } = recorded(error)
    this.run.recorder.failure(where, Object.assign(new Error(message), { name: code, exitCode }))
    print(`✖ ${where}: ${message}`)
  }

  /** Machines and data planes are the same for all tests of a mode. */
  private describe({ mode, machines = [], dataplane = [], reboots = [] }: DpbenchTaskMeta): void {
    if (this.describedModes.has(mode)) return
    this.describedModes.add(mode)
    const { recorder, config } = this.run
    const hypervisors = new Set(config.hypervisors.map((each) => each.name))
    for (const { name, kernel, os, cpu, cpus, memoryMib, governor } of machines) {
      recorder.machine({
        name,
        role: hypervisors.has(name) ? 'hypervisor' : 'guest',
        kernel,
        os,
        cpu,
        cores: cpus,
        memoryBytes: memoryMib * 2 ** 20,
        ...(governor !== undefined && { details: { governor } }),
      })
    }
    for (const each of reboots) recorder.reboot({ ...each, mode })
    for (const { hypervisor, image, imageId, digest, version } of dataplane) {
      recorder.dataPlane({ machine: hypervisor, mode, image, digest: digest ?? imageId, version })
      if (/softplane/i.test(version)) {
        recorder.notice(
          'measured with softplane, the stand-in of the lab: its figures say nothing about dpservice',
        )
      }
    }
  }
}

function scenarioOf(last: MeasurementReport | undefined): { scenario?: string } {
  const scenario = last?.verdict?.expected.key ?? last?.scenario
  return scenario === undefined ? {} : { scenario }
}

function title(test: TestCase): string {
  return `${test.project.name}  ${test.name}`
}

function testResult(test: TestCase, meta: DpbenchTaskMeta | undefined): TestResult {
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
  if (error.code === 'AssertionError' || error.code === 'DPBENCH_CONDITION')
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

function baselinesOf(meta: DpbenchTaskMeta | undefined): Pick<TestEntry, 'baselines'> {
  const checks = (meta?.measurements ?? []).flatMap(({ baselines = [] }) => baselines)
  return checks.length === 0 ? {} : { baselines: checks }
}

function metricsOf(meta: DpbenchTaskMeta | undefined): MeasuredMetrics[] {
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
function recorded(error: SerializedError): RecordedError {
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
    ? (error.errors as SerializedError[]).map((each) => `  ${each.message}`)
    : []
  return { code, message: [error.message, ...inner, ...causes].join('\n'), exitCode }
}

function resultLine(result: TestResult): string {
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
