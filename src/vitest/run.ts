/** One run in the main process: from its settings to its record on disk, clean-up of what workers left included. */
import { randomBytes } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { relative, resolve } from 'node:path'
import { type BenchConfig, environmentFolder } from '../config/index.ts'
import { writing } from '../core/disk-fault.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { asPhase } from '../core/steps.ts'
import { leftSentences } from '../core/undo.ts'
import { journalFile, notPutBack } from '../environment/environment.ts'
import { isKept, undoRuns } from '../environment/run-undo.ts'
import { renderPullRequest } from '../report/pull-request.ts'
import { takeLeaks } from '../report/leak-log.ts'
import { listFlights } from '../report/flight.ts'
import { listLogs } from '../report/logs.ts'
import { RunRecorder } from '../report/recorder.ts'
import { secretsIn, textWithoutSecrets } from '../report/secrets.ts'
import { takeSteps } from '../report/step-log.ts'
import { type StepEntry, StepRecorder } from '../report/step-recorder.ts'
import { stepsOf, timelineOf } from '../report/steps.ts'
import type { RunRecord } from '../report/record.ts'
import { createResultsFolder, writeReports } from '../report/results-folder.ts'
import { renderTerminal, wantsColor } from '../report/terminal.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import { saveBaseline } from './baseline-files.ts'
import { recordFlight } from './flight.ts'
import type { LiveScreen } from './live/screen.ts'
import { logKeeper } from './log-keeper.ts'
import type { BaselineContext } from './regression.ts'
import { type RunSettings, settingVariables } from './settings.ts'
import { wayIn, wayOut } from './way-in.ts'

export interface Run {
  readonly runId: string
  readonly settings: RunSettings
  readonly config: BenchConfig
  /** None where no data plane is deployed. */
  readonly image: string | undefined
  readonly baselines?: BaselineContext | undefined
  /** Set when `--stage dev` has built it. */
  built?: BuiltImage
  readonly startedAt: string
  readonly recorder: RunRecorder
  /** What the main process itself does. */
  readonly steps: StepRecorder
  readonly entries: readonly StepEntry[]
  /** Made when the first suite is about to run, not before: a run that is refused leaves nothing. */
  resultsFolder?: string
  /** Where somebody looks on. */
  screen?: LiveScreen
  /** The failing test whose environment stays. */
  kept?: { readonly test: string; readonly mode: string }
  /** Whether Vitest takes keys from the terminal itself. */
  watching?: boolean
  /** No more tests are to be run. */
  stop?: () => void
  /** Whether the reporter is there: Vitest asks the plugin once per project. */
  attached: boolean
  finished?: Promise<RunRecord>
}

/** The variable by which the bin tells of a signal: the record says that the run is not whole. */
export const interruptVariable = 'DPBENCH_INTERRUPTED_BY'

/** Begins the record. Nothing is written yet. */
export function beginRun(settings: RunSettings, config: BenchConfig, image: string | undefined): Run {
  const startedAt = new Date().toISOString()
  const stamp = startedAt.replaceAll(/[-:]|\.\d+Z$/g, '').replace('T', '-')
  const runId = `${stamp}-${randomBytes(2).toString('hex')}`
  const recorder = new RunRecorder({
    runId,
    ...(settings.tag !== undefined && { tag: settings.tag }),
    startedAt,
    dpbenchVersion: packageVersion(),
    commandLine: process.argv.slice(2),
    options: {
      ...Object.fromEntries(Object.values(settingVariables).map((name) => [name, process.env[name]])),
      // the one that was taken by chance too: it repeats the order
      ...(settings.shuffleSeed !== undefined && {
        [settingVariables.shuffle]: String(settings.shuffleSeed),
      }),
    },
    ...(config.dataplane === undefined && { stage: settings.stage }),
    modes: [...settings.modes],
    profile: config.measurement,
    rule: settings.verdictRule,
    config: { file: config.sourceFile, name: config.name, content: config },
  })
  const entries: StepEntry[] = []
  const steps = new StepRecorder({ secrets: secretsIn(config), write: (entry) => void entries.push(entry) })
  return { runId, settings, config, image, startedAt, recorder, steps, entries, attached: false }
}

/** Makes the results folder of a run that has suites to run, once. */
export async function openResults(run: Run): Promise<string> {
  const { settings, startedAt } = run
  run.resultsFolder ??= await createResultsFolder(resolve(settings.results ?? 'results'), {
    tag: settings.tag,
    startedAt,
  })
  return run.resultsFolder
}

/**
 * After the workers have ended: puts back what they left, writes the reports, prints the table, sets the exit code. Does
 * nothing when no suite was run.
 */
export async function finishRun(run: Run): Promise<void> {
  const { resultsFolder } = run
  if (resultsFolder !== undefined) await (run.finished ??= finish(run, resultsFolder))
}

async function finish(run: Run, resultsFolder: string): Promise<RunRecord> {
  const { recorder } = run
  const signal = process.env[interruptVariable]
  if (signal === 'SIGINT' || signal === 'SIGTERM') recorder.interrupted(signal)
  // who ends a run by a signal wants nothing of it left
  const kept = signal === undefined ? keptNotice(run) : undefined
  if (kept === undefined) await putBack(run, resultsFolder)
  else recorder.notice(kept)
  await tellLeaks(run, resultsFolder)
  recorder.logs(await listLogs(resultsFolder))
  recorder.flights(await listFlights(resultsFolder))
  recorder.step(...timelineOf([...stepsOf(run.entries), ...(await takeSteps(resultsFolder))]))
  run.screen?.close()
  await keepBaseline(run)
  const { record, files } = await writeResults(resultsFolder, recorder)
  const folder = relative(process.cwd(), resultsFolder)
  print(renderTerminal(record, { color: wantsColor(process.stdout, process.env), folder }))
  const shown = files
    .filter((file) => !/(SUCCESS|FAILED)$/.test(file))
    .map((file) => relative(process.cwd(), file))
  if (shown.length > 0) print(`written: ${shown.join('  ')}`)
  if (kept !== undefined)
    print([kept, ...wayIn(run.config, run.settings), wayOut(run.config, run.settings)].join('\n'))
  await writeStepSummary(record)
  process.exitCode = record.outcome.exitCode
  return record
}

/** A disk that does not take the results fails the run, whatever was measured: what is said of it could not be shown. */
async function writeResults(
  resultsFolder: string,
  recorder: RunRecorder,
): Promise<{ readonly record: RunRecord; readonly files: readonly string[] }> {
  const record = recorder.finish()
  try {
    return { record, files: await writing(resultsFolder, () => writeReports(resultsFolder, record)) }
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    recorder.failure('writing the results', error)
    return { record: recorder.finish(), files: [] }
  }
}

/** Keeps something of the run while it goes on; what the disk does not take is told, and its end tries again. */
export async function keeping<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DpbenchError)) throw error
    print(`  ${describeError(error)}`)
    return undefined
  }
}

/** What suites, the data plane or dpbench left on the machines fails the run: the next one would not begin where this one did. */
async function tellLeaks({ recorder }: Run, resultsFolder: string): Promise<void> {
  for (const { mode, leaks } of await takeLeaks(resultsFolder))
    for (const leak of leaks) {
      recorder.failure(`after the mode ${mode}`, new DpbenchError(`leaked: ${leak}`))
      print(`✖ after the mode ${mode}: leaked: ${leak}`)
    }
}

/** GitHub shows what a step appends to this file. That it can't be written is no fault of the run. */
async function writeStepSummary(record: RunRecord): Promise<void> {
  const file = process.env['GITHUB_STEP_SUMMARY']
  if (!file) return
  try {
    await appendFile(file, renderPullRequest(record))
  } catch (error) {
    print(`the summary of this step could not be written to GITHUB_STEP_SUMMARY: ${describeError(error)}`)
  }
}

function keptNotice({ kept }: Run): string | undefined {
  return kept && `kept as "${kept.test}" (${kept.mode}) left it: what was deployed, routes and guests`
}

async function keepBaseline({ baselines, recorder }: Run): Promise<void> {
  if (baselines?.saving === undefined) return
  try {
    print(await saveBaseline(baselines.folder, baselines.saving, recorder.snapshot()))
  } catch (error) {
    recorder.failure(`saving the baseline ${baselines.saving}`, error)
  }
}

async function putBack(run: Run, resultsFolder: string): Promise<void> {
  const {
    runId,
    config,
    recorder,
    steps: { observe },
  } = run
  try {
    const journal = await openJournal(journalFile(environmentFolder(process.cwd(), config.name)))
    const own = journal.pending('run').filter((entry) => entry.runId === runId && !isKept(entry))
    if (own.length === 0) return
    // images are taken back here after every run, what else is there was a worker's that has died
    if (own.some(({ undo }) => undo.kind !== 'image')) await recordLostWorker(run, resultsFolder)
    const keepLog = logKeeper(resultsFolder, config, print)
    const { left } = await asPhase(observe, 'put back what is left', () =>
      undoRuns(journal, own, { log: print, keepLog, observe }),
    )
    recorder.leftover(...leftSentences(left))
  } catch (error) {
    recorder.failure('clean-up', error)
  }
}

/** A worker that died could record nothing; one that could not put everything back has. */
async function recordLostWorker(
  { runId, config, settings, steps: { observe }, recorder }: Run,
  resultsFolder: string,
): Promise<void> {
  const interrupted = process.env[interruptVariable] !== undefined
  const { tests, failures } = recorder.snapshot()
  const last = tests.at(-1)?.mode
  const mode = settings.modes.find((each) => each === last) ?? settings.modes[0] ?? 'plain'
  const flights = await listFlights(resultsFolder)
  if (flights.some((flight) => flight.occasion === notPutBack && flight.mode === mode)) return
  await recordFlight(
    { run: { config, runId, mode, resultsFolder }, observe, log: print },
    { hypervisors: new Map(), vms: new Map(), leased: false },
    {
      occasion: 'a worker ended before it had put everything back',
      error: failures.at(-1)?.message ?? 'it was ended from outside, or crashed',
      interrupted,
    },
  )
}

export function print(text: string): void {
  process.stdout.write(`${textWithoutSecrets(text, [])}\n`)
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('dpbench/package.json') as { version: string }
  return version
}
