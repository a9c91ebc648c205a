/** A group, open on its two machines: a folder on each, journaled; hooks and pairs run there, and what they wrote is fetched. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DisposalStack } from '../core/disposal-stack.ts'
import { CommandError } from '../core/command-result.ts'
import { ConnectionError, describeError } from '../core/errors.ts'
import { together } from '../core/together.ts'
import { endProcesses } from '../machine/marked-processes.ts'
import { type WorkFolder, makeWorkFolder, removeWorkFolder, workFolderOf } from '../machine/work-folder.ts'
import { fetchOutput, fetchTree, freeName, ownFolder, reclaim, sendNames } from './files.ts'
import { type Group, type HookName, type PairNames, type Side, sides } from './group.ts'
import {
  type PairMachine,
  type PairSide,
  furnish,
  pathsOf,
  variablesOf,
  requirePrograms,
} from './machines.ts'
import { type Limits, type PairOutcome, lastResortMs, notRun, runPair } from './pair.ts'
import { againWhenLost, runMark, startProgram } from './program.ts'
import { endSignals } from './remote-watch.ts'
import { Requests } from './requests.ts'

export interface GroupOptions {
  readonly group: Group
  readonly machines: Readonly<Record<Side, PairMachine>>
  /** Unique among groups that are open anywhere: names the folders. */
  readonly runId: string
  readonly tag: string
  /** Of this group, on the controller; made when it is not there. */
  readonly results: string
  /** For all programs and hooks, beside those of the group. */
  readonly variables?: Readonly<Record<string, string>>
  readonly limits: Limits
  /** Writes a folder into the journal before it is made; what it returns says that the folder is gone. */
  readonly journal: (side: Side, folder: WorkFolder) => Promise<() => Promise<void>>
  readonly signal?: AbortSignal | undefined
}

export interface HookOutcome {
  readonly hook: HookName
  /** Why it failed; `undefined` when it ended with status 0. */
  readonly fault?: string | undefined
  readonly seconds: number
}

const outputNames = ['stdout', 'stderr', 'exit-status'] as const

export class OpenGroup implements AsyncDisposable {
  private readonly options: GroupOptions
  private readonly stack: DisposalStack
  private readonly sides: Readonly<Record<Side, PairSide>>
  private readonly variables: Readonly<Record<string, string>>
  private count = 0

  private constructor(options: GroupOptions, opened: Readonly<Record<Side, PairSide>>, stack: DisposalStack) {
    const { group, tag } = options
    this.options = options
    this.stack = stack
    this.sides = opened
    this.variables = { ...variablesOf(group.name, tag, opened), ...options.variables }
  }

  /** Makes the folders and copies the group. @throws CommandError, ConnectionError, with everything taken back */
  static async open(options: GroupOptions): Promise<OpenGroup> {
    const stack = new DisposalStack()
    try {
      await mkdir(options.results, { recursive: true })
      const [local, remote] = await together([
        openSide('local', options, stack),
        openSide('remote', options, stack),
      ])
      return new OpenGroup(options, { local, remote }, stack)
    } catch (error) {
      // what stays is in the journal; the cause is what is thrown
      await stack[Symbol.asyncDispose]().catch(() => undefined)
      throw error
    }
  }

  /** The hooks before the first pair, local and then remote. */
  async before(signal = this.options.signal): Promise<HookOutcome[]> {
    const outcomes: HookOutcome[] = []
    for (const side of sides) {
      const hook = await this.hook(`before_first_test_${side}`, side, signal)
      if (!hook) continue
      outcomes.push(hook)
      await this.fetchResults(side)
    }
    return outcomes
  }

  /** The hooks after the last pair, remote and then local; each finds the results of both sides, and may add to them. */
  async after(): Promise<HookOutcome[]> {
    const outcomes: HookOutcome[] = []
    for (const side of sides.toReversed()) {
      if (!this.options.group.hooks.includes(`after_last_test_${side}`)) continue
      await this.sendResults(this.sides[side])
      const hook = await this.hook(`after_last_test_${side}`, side, this.options.signal)
      if (hook) outcomes.push(hook)
      await this.fetchResults(side)
    }
    return outcomes
  }

  /**
   * Runs a pair, fetches what it left, and marks its folder. A pair whose machine was lost, and answers again, has failed.
   * @throws CommandError, ConnectionError when a machine fails; the signal's reason
   */
  async run(pair: PairNames, signal = this.options.signal): Promise<PairOutcome> {
    const folder = join(this.options.results, pair.name)
    const run = `pair-${(this.count += 1)}`
    try {
      await ownFolder(folder)
      const outcome = await this.runAndGather(pair, run, signal).catch((error: unknown) =>
        this.recovered(pair, run, error, signal),
      )
      await mark(folder, outcome)
      return outcome
    } catch (error) {
      await mark(folder, notRun(pair, error))
      throw error
    }
  }

  private async runAndGather(
    pair: PairNames,
    run: string,
    signal: AbortSignal | undefined,
  ): Promise<PairOutcome> {
    const { limits } = this.options
    const outcome = await runPair({ pair, run, sides: this.sides, variables: this.variables, limits, signal })
    const gathering = sides.map((side) => this.gather(side, pair, run, outcome.ends[side]?.status, signal))
    const missing = (await together(gathering)).filter((each) => each !== undefined)
    if (missing.length === 0) return outcome
    return { ...outcome, succeeded: false, reason: [outcome.reason, ...missing].join('; ') }
  }

  /** Where a machine was lost and both answer again, what may still run there is ended. @throws what happened, otherwise */
  private async recovered(
    pair: PairNames,
    run: string,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<PairOutcome> {
    if (!(error instanceof ConnectionError) || signal?.aborted) throw error
    const { graceSeconds } = this.options.limits
    const ending = sides.map((side) => {
      const at = this.sides[side]
      const marked = { mark: runMark(at, `${run}-${side}`), signals: endSignals, graceSeconds }
      return againWhenLost(() => at.machine.ssh.run(endProcesses(marked), { timeoutMs: 60_000 }))
    })
    await together(ending).catch(() => {
      throw error
    })
    return notRun(pair, error)
  }

  /** Ends what is left on the machines and removes the folders, once. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stack[Symbol.asyncDispose]()
  }

  private async hook(
    hook: HookName,
    side: Side,
    signal: AbortSignal | undefined,
  ): Promise<HookOutcome | undefined> {
    const { group, limits, results } = this.options
    if (!group.hooks.includes(hook)) return undefined
    const at = this.sides[side]
    const common = { variables: this.variables, deadlineMs: lastResortMs(limits) }
    await using requests = new Requests({
      ...this.sides,
      ...common,
      control: at.paths.control(hook),
      run: `${hook}-asked`,
      portSeconds: limits.portSeconds,
    })
    const program = await startProgram({
      ...common,
      at,
      run: hook,
      file: `${at.paths.group}/${hook}`,
      cwd: at.paths.results,
      ...(side === 'local' && { onAsk: requests.take }),
    })
    let fault: string | undefined
    const stop = (why: string): void => {
      fault = why
      void program.end(endSignals, limits.graceSeconds).catch(() => undefined) // its end tells, or the last resort
    }
    const timer = setTimeout(
      () => stop(`it still ran after ${limits.timeoutSeconds} s (--timeout)`),
      limits.timeoutSeconds * 1000,
    )
    const interrupted = (): void => stop('it was interrupted')
    signal?.addEventListener('abort', interrupted, { once: true })
    if (signal?.aborted) interrupted()
    const end = await program.ended.finally(() => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', interrupted)
    })
    signal?.throwIfAborted()
    if (end.lost !== undefined) {
      await program.end(endSignals, limits.graceSeconds)
      return { hook, fault: end.lost, seconds: end.seconds }
    }
    const target = (name: string): string => join(results, `${hook}.${name}`)
    for (const name of outputNames) await rm(target(name), { force: true, recursive: true })
    await fetchOutput(at.machine, program.control, end.status, target, signal)
    if (end.status !== 0) fault ??= `it ended with status ${end.status ?? '(none)'}`
    return { hook, fault, seconds: end.seconds }
  }

  /** What a program wrote in its result folder, and its output. Returns what could not be had, in a sentence. */
  private async gather(
    side: Side,
    pair: PairNames,
    run: string,
    status: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { machine, paths } = this.sides[side]
    const target = join(this.options.results, pair.name, side)
    try {
      await ownFolder(target)
      const missing = await fetchTree(machine, `${paths.results}/${pair.name}/${side}`, target, signal)
      const control = paths.control(`${run}-${side}`)
      await fetchOutput(machine, control, status, (name) => freeName(target, name), signal)
      return missing && `not all results of ${machine.name} could be read: ${missing}`
    } catch (error) {
      if (!(error instanceof CommandError) || signal?.aborted) throw error
      return `the results of ${machine.name} could not be gathered: ${describeError(error)}`
    }
  }

  private async sendResults({ machine, paths }: PairSide): Promise<void> {
    const { results, signal } = this.options
    await reclaim(machine, paths.results, signal)
    await sendNames(machine, results, await readdir(results), paths.results, signal)
  }

  private async fetchResults(side: Side): Promise<void> {
    const { machine, paths } = this.sides[side]
    const { results, signal } = this.options
    await fetchTree(machine, paths.results, results, signal)
  }
}

async function openSide(side: Side, options: GroupOptions, stack: DisposalStack): Promise<PairSide> {
  const { group, machines, runId, tag, journal, signal } = options
  const machine = machines[side]
  const folder = workFolderOf(runId, `pairs-${side}`)
  const opened = { side, machine, folder, paths: pathsOf(folder, group.name, tag) }
  await requirePrograms(machine, signal)
  const gone = await journal(side, folder)
  stack.defer(async () => {
    await removeWorkFolder(machine.ssh, folder)
    await gone()
  })
  await makeWorkFolder(machine, folder)
  await furnish(opened, group, signal)
  return opened
}

async function mark(folder: string, { succeeded, reason }: PairOutcome): Promise<void> {
  const file = join(folder, succeeded ? 'SUCCESS' : 'FAILED')
  await rm(file, { force: true, recursive: true })
  await writeFile(file, `${reason}\n`)
}
