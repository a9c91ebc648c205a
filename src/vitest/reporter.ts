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
import type { TestResult } from '../report/record.ts'
import { isExcused, quarantineOf, quarantineSentence } from '../report/quarantine.ts'
import { createTestFolder, writeRecord } from '../report/results-folder.ts'
import { figureOf, flightOf, measuredOnly } from '../report/view.ts'
import { suiteName } from './suite-name.ts'
import { showLive, showResult, showSuite } from './live/open.ts'
import { LeftOut } from './left-out.ts'
import { takeMessages } from './messages.ts'
import type { DpbenchTaskMeta } from './run-context.ts'
import { type Run, keeping, openResults, print } from './run.ts'
import { baselinesOf, metricsOf, recorded, resultLine, scenarioOf, testResult } from './test-outcome.ts'

/** Set by the bin, which has no other reporter: then what a test prints is ours to show. */
export const aloneVariable = 'DPBENCH_REPORTER_ALONE'

export class DpbenchReporter implements Reporter {
  private readonly run: Run
  private readonly begin: (specifications: readonly TestSpecification[]) => Promise<void>
  private readonly describedModes = new Set<string>()
  /** When a run is cancelled Vitest tells of all tests of a suite again. */
  private readonly told = new Set<string>()
  private readonly begun = new Set<string>()
  private lastLine = ''
  private readonly leftOut: LeftOut

  /** @param begin called with what is to run, before any of it */
  constructor(run: Run, begin: (specifications: readonly TestSpecification[]) => Promise<void>) {
    this.run = run
    this.begin = begin
    this.leftOut = new LeftOut(run.settings.tags)
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
    this.begun.add(test.id)
    print(`▶ ${title(test)}`)
    this.run.screen?.state.testBegins(test.name, test.project.name, performance.now())
  }

  async onTestCaseResult(test: TestCase): Promise<void> {
    const result = test.result()
    if (result.state === 'pending' || this.told.has(test.id)) return
    if (this.leftOut.takes(test)) this.told.add(test.id)
    else await this.tell(test, testResult(test, test.meta().dpbench))
  }

  private async tell(test: TestCase, outcome: TestResult): Promise<void> {
    this.told.add(test.id)
    const { dpbench: meta, dpbenchFlight: flight } = test.meta()
    if (meta) this.describe(meta)
    if (meta?.kept && !this.run.kept) {
      this.run.kept = { test: test.name, mode: meta.mode }
      this.run.stop?.()
    }
    const last = meta?.measurements.at(-1)
    const suite = suiteName(test.module.moduleId)
    const mode = meta?.mode ?? test.project.name
    const { recorder, config, startedAt } = this.run
    const resultsFolder = await openResults(this.run)
    const place = { suite, name: test.name, mode, ...scenarioOf(last) }
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
      folder:
        meta?.folder ??
        (await keeping(() => createTestFolder(resultsFolder, { suite, name: test.name, mode }))),
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
    await keeping(() => writeRecord(resultsFolder, snapshot))
  }

  onTestModuleCollected(module: TestModule): void {
    showSuite(this.run, module)
  }

  onTestModuleEnd(module: TestModule): void {
    for (const error of module.errors()) this.fail(module.relativeModuleId, error)
  }

  async onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    _reason: TestRunEndReason,
  ): Promise<void> {
    for (const error of unhandled) this.fail('outside of a test', error)
    await this.tellLost(modules)
    for (const line of this.leftOut.lines()) print(line)
  }

  /** Vitest says nothing of tests whose worker has died: the one that it was at, and those that it had not come to. */
  private async tellLost(modules: readonly TestModule[]): Promise<void> {
    for (const module of modules)
      for (const test of module.children.allTests('pending')) {
        if (test.options.mode === 'run' && !this.told.has(test.id))
          await this.tell(test, lost(this.begun.has(test.id)))
      }
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

function title(test: TestCase): string {
  return `${test.project.name}  ${test.name}`
}

function lost(begun: boolean): TestResult {
  if (!begun) return { state: 'skipped', reason: 'no result: the process of its suite died' }
  const message = 'it did not come to its end: the process that ran it died'
  return { state: 'error', error: { code: 'Error', message, exitCode: ExitCode.infrastructure } }
}
