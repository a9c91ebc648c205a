/** A group, open on its two machines: a folder on each, journaled; hooks and pairs run there, and what they wrote is fetched. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DisposalStack } from '../core/disposal-stack.ts'
import { together } from '../core/together.ts'
import { fetchFile, fetchFolder, sendFolder } from '../machine/transfer.ts'
import { type WorkFolder, makeWorkFolder, removeWorkFolder, workFolderOf } from '../machine/work-folder.ts'
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
import { type ProgramEnd, startProgram } from './program.ts'
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
      const { machine, paths } = this.sides[side]
      const asUser = { sudo: false, signal: this.options.signal }
      await sendFolder(machine.ssh, this.options.results, paths.results, asUser)
      const hook = await this.hook(`after_last_test_${side}`, side, this.options.signal)
      if (hook) outcomes.push(hook)
      await this.fetchResults(side)
    }
    return outcomes
  }

  /**
   * Runs a pair, fetches what it left, and marks its folder.
   * @throws CommandError, ConnectionError when a machine fails; the signal's reason
   */
  async run(pair: PairNames, signal = this.options.signal): Promise<PairOutcome> {
    const { limits, results } = this.options
    const folder = join(results, pair.name)
    await mkdir(folder, { recursive: true })
    const run = `pair-${(this.count += 1)}`
    try {
      const order = { pair, run, sides: this.sides, variables: this.variables, limits, signal }
      const outcome = await runPair(order)
      await together(sides.map((side) => this.gather(side, pair, run, outcome.ends[side], signal)))
      await mark(folder, outcome)
      return outcome
    } catch (error) {
      await mark(folder, notRun(pair, error))
      throw error
    }
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
    await this.fetchOutput(at, program.control, end, (name) => join(results, `${hook}.${name}`))
    if (end.status !== 0) fault ??= `it ended with status ${end.status ?? '(none)'}`
    return { hook, fault, seconds: end.seconds }
  }

  /** What a program wrote in its result folder, and its output. */
  private async gather(
    side: Side,
    pair: PairNames,
    run: string,
    end: ProgramEnd | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const at = this.sides[side]
    const target = join(this.options.results, pair.name, side)
    await fetchFolder(at.machine.ssh, `${at.paths.results}/${pair.name}/${side}`, target, at.paths.scratch, {
      signal,
    })
    await this.fetchOutput(at, at.paths.control(`${run}-${side}`), end, (name) => freeName(target, name))
  }

  private async fetchOutput(
    at: PairSide,
    control: string,
    end: ProgramEnd | undefined,
    target: (name: string) => string,
  ): Promise<void> {
    for (const name of ['stdout', 'stderr']) {
      const file = target(name)
      await writeFile(file, '')
      await fetchFile(at.machine.ssh, `${control}/${name}`, (bytes) => writeFile(file, bytes, { flag: 'a' }))
    }
    await writeFile(target('exit-status'), `${end?.status ?? 'none'}\n`)
  }

  private async fetchResults(side: Side): Promise<void> {
    const { machine, paths } = this.sides[side]
    const { results, signal } = this.options
    await fetchFolder(machine.ssh, paths.results, results, paths.scratch, { signal })
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

/** The program's own file of that name is kept, too. */
function freeName(folder: string, name: string): string {
  return join(folder, existsSync(join(folder, name)) ? `${name}.dpbench` : name)
}

async function mark(folder: string, { succeeded, reason }: PairOutcome): Promise<void> {
  await writeFile(join(folder, succeeded ? 'SUCCESS' : 'FAILED'), `${reason}\n`)
}
