/**
 * A series of runs: calibrating, A against B, bisecting. Its folder `results/<series>/` has `series.json` and each run's
 * own results folder. A step that has its usable run is not run again, so a series that was cut goes on by doing the same
 * once more: whoever drives it asks for the same steps in the same order, and gets what is stored.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DpbenchError, UsageError, describeError } from '../core/errors.ts'
import { type Lease, acquireLease } from '../environment/lease.ts'
import { timeName } from '../report/names.ts'
import { type RunRecord, parseRecord } from '../report/record.ts'
import { createResultsFolder } from '../report/results-folder.ts'
import { requireAlike } from './alike.ts'
import { type Assessment, assess } from './assess.ts'
import type { StartRun } from './child-run.ts'
import { Pace, durationText } from './pace.ts'
import { type Attempt, type SeriesKind, type SeriesState, readSeries, writeSeries } from './state.ts'

export interface SeriesTools {
  readonly start: StartRun
  /** A line of progress. */
  readonly log: (line: string) => void
  readonly signal: AbortSignal
  /** Shows everything that runs say. */
  readonly verbose?: boolean | undefined
  /** How many runs that cannot be used are repeated, of all that are done now. Default 3. */
  readonly mostRepeats?: number | undefined
}

export interface Step {
  /** Unique in the series, and a name of a folder: `run-03`. */
  readonly id: string
  /** For people: `run 3 of 10`. */
  readonly label: string
  /** How many runs come after it, as far as that is known. */
  readonly left: number
  /** Beside what every run of the series is started with. */
  readonly argv?: readonly string[]
  /** What cannot be deployed or measured is a result, not the end of the series. */
  readonly mayBeUntestable?: boolean
}

export type Ran =
  | { readonly state: 'measured'; readonly record: RunRecord }
  | { readonly state: 'untestable'; readonly said: string }

/** What was asked for when the series began. */
export type SeriesPlan = SeriesState['plan']

const defaultRepeats = 3

export class Series implements AsyncDisposable {
  readonly folder: string
  readonly #tools: SeriesTools
  readonly #lease: Lease
  readonly #pace = new Pace()
  #state: SeriesState
  #repeated = 0
  #first: RunRecord | undefined

  private constructor(folder: string, state: SeriesState, lease: Lease, tools: SeriesTools) {
    this.folder = folder
    this.#state = state
    this.#lease = lease
    this.#tools = tools
  }

  /** @param results in which the folder is made; `name`, or by default the kind and the time */
  static async begin(
    { kind, plan, runArguments }: Pick<SeriesState, 'kind' | 'plan' | 'runArguments'>,
    { results, name }: { readonly results: string; readonly name?: string | undefined },
    tools: SeriesTools,
  ): Promise<Series> {
    const createdAt = new Date().toISOString()
    const tag = name ?? `${kind}-${timeName(createdAt)}`
    const folder = await createResultsFolder(results, { tag, startedAt: createdAt })
    const state: SeriesState = { series_version: 1, kind, createdAt, plan, runArguments, attempts: [] }
    await writeSeries(folder, state)
    return Series.#open(folder, state, tools)
  }

  /** @throws UsageError when `folder` has no series of this kind; DpbenchError while another process works on it */
  static async resume(folder: string, kind: SeriesKind, tools: SeriesTools): Promise<Series> {
    return Series.#open(folder, await readSeries(folder, kind), tools)
  }

  static async #open(folder: string, state: SeriesState, tools: SeriesTools): Promise<Series> {
    const lease = await acquireLease(join(folder, 'lease.json'), `${state.kind} ${randomUUID().slice(0, 8)}`)
    const series = new Series(folder, state, lease, tools)
    for (const one of state.attempts) series.#pace.learn(one)
    return series
  }

  get plan(): SeriesPlan {
    return this.#state.plan
  }

  get runArguments(): readonly string[] {
    return this.#state.runArguments
  }

  /** All runs that were begun, also those that could not be used. */
  get attempts(): readonly Attempt[] {
    return this.#state.attempts
  }

  /**
   * The step's record: that of its stored run, or of a new one.
   * @throws UsageError when the run is refused; DpbenchError when too many could not be used, or on a signal
   */
  async run(step: Step): Promise<Ran> {
    for (;;) {
      const ended = this.#settled(step)
      if (ended?.outcome === 'untestable') return { state: 'untestable', said: ended.said ?? '' }
      if (ended) return { state: 'measured', record: await this.#likeFirst(ended) }
      const assessed = await this.#attempt(step)
      if (assessed.outcome === 'usable') continue
      const { said, outcome } = assessed
      if (outcome === 'refused') throw new UsageError(`${step.label} was refused:\n${said}`)
      if (outcome === 'interrupted') throw this.#interruption(step, said)
      if (step.mayBeUntestable && isOwnFault(assessed)) await this.#settleUntestable(said)
      else if (outcome === 'untestable') throw new DpbenchError(`${step.label}: ${said}`)
      else if (this.#repeated < this.#mostRepeats) this.#countRepeat(step, assessed)
      else throw this.#tooMany(step, said)
    }
  }

  /** One line per run that was to be used and could not be; none when all could. */
  unusable(): string[] {
    return this.#state.attempts
      .filter(({ outcome }) => outcome === 'invalid' || outcome === 'infrastructure')
      .map(({ folder, outcome, said }) => `${folder}: ${outcome}: ${said}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]()
  }

  #settled({ id, mayBeUntestable }: Step): Attempt | undefined {
    return this.#state.attempts.find(
      ({ step, outcome }) =>
        step === id && (outcome === 'usable' || (mayBeUntestable && outcome === 'untestable')),
    )
  }

  get #mostRepeats(): number {
    return this.#tools.mostRepeats ?? defaultRepeats
  }

  async #attempt(step: Step): Promise<Assessment> {
    const { start, log, signal, verbose } = this.#tools
    if (signal.aborted) return { outcome: 'interrupted', said: 'it was not begun' }
    const before = this.#state.attempts.filter((one) => one.step === step.id).length
    const folder = before === 0 ? step.id : `${step.id}.${before + 1}`
    const attempt: Attempt = { step: step.id, folder, startedAt: new Date().toISOString() }
    const left = this.#pace.left(step.left + 1)
    log(`${step.label}${left === undefined ? '' : `; about ${left} left`}`)
    await this.#keep(attempt)
    const own = ['--measure-only', '--results', this.folder, '--tag', folder]
    const exitCode = await start({
      argv: [...this.runArguments, ...(step.argv ?? []), ...own],
      logFile: join(this.folder, `${folder}.log`),
      onLine: (line) => void ((verbose || isTold(line)) && log(`  │ ${line.trimEnd()}`)),
      signal,
    })
    const assessed = await this.#assessed(attempt, exitCode)
    const outcome = assessed.outcome === 'refused' ? 'infrastructure' : assessed.outcome
    const said = assessed.outcome === 'usable' ? {} : { said: assessed.said }
    const ended = { ...attempt, endedAt: new Date().toISOString(), exitCode, outcome, ...said }
    this.#pace.learn(ended)
    await this.#keep(ended)
    return assessed
  }

  /** A run that was refused before it began has no record; its log says why. */
  async #assessed(attempt: Attempt, exitCode: number): Promise<Assessment> {
    let record: RunRecord
    try {
      record = await this.#record(attempt)
    } catch (error) {
      if (this.#tools.signal.aborted) return { outcome: 'interrupted', said: 'it was ended before it began' }
      const log = await readFile(join(this.folder, `${attempt.folder}.log`), 'utf8')
      const said = lastWords(log) ?? describeError(error)
      return { outcome: exitCode === 2 ? 'refused' : 'infrastructure', said }
    }
    const assessed = assess(record)
    if (assessed.outcome !== 'interrupted' || this.#tools.signal.aborted) return assessed
    return { ...assessed, outcome: 'infrastructure' } // by somebody else, who did not mean the series
  }

  /** A series goes on for hours, and later still: machines and configs change meanwhile. */
  async #likeFirst(ended: Attempt): Promise<RunRecord> {
    const record = await this.#record(ended)
    this.#first ??= record
    requireAlike(this.#first, record, `${relative(process.cwd(), this.folder)}/${ended.folder}`)
    return record
  }

  async #record({ folder }: Attempt): Promise<RunRecord> {
    const file = join(this.folder, folder, 'run.json')
    return parseRecord(await readFile(file, 'utf8'), file)
  }

  /** Adds the attempt, or replaces what is known of it. */
  async #keep(attempt: Attempt): Promise<void> {
    const others = this.#state.attempts.filter(({ folder }) => folder !== attempt.folder)
    this.#state = { ...this.#state, attempts: [...others, attempt] }
    await writeSeries(this.folder, this.#state)
  }

  async #settleUntestable(said: string): Promise<void> {
    await this.#keep({ ...this.#state.attempts.at(-1)!, outcome: 'untestable', said })
  }

  #countRepeat(
    { label }: Step,
    { outcome, said }: { readonly outcome: string; readonly said: string },
  ): void {
    this.#repeated++
    this.#tools.log(
      `${label}: ${outcome === 'invalid' ? 'INVALID' : outcome}: ${said}; it is kept and counted, and run again ` +
        `(${this.#repeated} of at most ${this.#mostRepeats})`,
    )
  }

  #tooMany({ label }: Step, said: string): DpbenchError {
    return new DpbenchError(
      `${label} could not be used, and ${this.#repeated} runs were repeated already: ${said}\n` +
        `put that right, then go on with: ${this.resumeCommand}`,
    )
  }

  #interruption({ label }: Step, said: string): DpbenchError {
    const kept = this.#state.attempts.filter(({ outcome }) => outcome === 'usable').length
    this.#tools.log(
      `${label}: ${said}, and everything is put back; kept: ${kept} ${kept === 1 ? 'run' : 'runs'} in ` +
        `${relative(process.cwd(), this.folder)}; go on with: ${this.resumeCommand}`,
    )
    return new DpbenchError('the series was interrupted')
  }

  /** What a person types to go on. */
  get resumeCommand(): string {
    return `npx dpbench ${this.#state.kind} --resume ${relative(process.cwd(), this.folder)}`
  }

  /** `2 h 5 min`: of all that ran. */
  get duration(): string {
    return durationText(this.#pace.totalMs)
  }
}

/** What the data plane that is tested can be blamed for: it does not build, start or carry traffic. */
function isOwnFault(assessed: Exclude<Assessment, { outcome: 'usable' }>): boolean {
  if (assessed.outcome === 'untestable' || assessed.outcome === 'invalid') return true
  return 'code' in assessed && assessed.code === 'DPBENCH_DEPLOY'
}

/** What a run says of itself when it cannot begin, or the last line of one that died. */
function lastWords(log: string): string | undefined {
  const own = log.lastIndexOf('\ndpbench: ')
  if (own >= 0 || log.startsWith('dpbench: '))
    return log
      .slice(own + 1)
      .trim()
      .replace(/^dpbench: /, '')
  const lines = log.split('\n').filter((line) => line.trim() !== '')
  return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)
}

/** Which tests run and what they measured; the rest is in the run's log. */
function isTold(line: string): boolean {
  return /^(▶|✖|building |\s+(measured|INVALID|ERROR|FAIL): )/.test(line)
}
