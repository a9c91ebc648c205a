/** Pairs of programs as tests: one per pair, in the environment of the run. */
import { join, relative } from 'node:path'
import { basename } from 'node:path/posix'
import { afterAll, describe, expect, inject } from 'vitest'
import { DpbenchError, UsageError } from '../core/errors.ts'
import { openJournal } from '../core/journal.ts'
import { controller } from '../core/steps.ts'
import { type Environment, journalFile } from '../environment/environment.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import { type Group, type Side, readGroup } from '../pairs/group.ts'
import { type HookOutcome, OpenGroup } from '../pairs/open-group.ts'
import { hookLine } from '../pairs/summary.ts'
import { fileName } from '../report/names.ts'
import { test } from './fixtures.ts'
import { tell } from './messages.ts'
import { type Connected, journalFolders, pairMachines, requirePairMachines } from './pair-machines.ts'
import type { RunContext } from './run-context.ts'

export interface PairsOptions {
  /** Which machine runs the local programs: a name of the config, or `controller`. */
  readonly local: string
  /** Which one runs the remote programs; it may be the same. */
  readonly remote: string
  /** For each pair and each hook. Default: 600. */
  readonly timeoutSeconds?: number
  /** For a port to open or close. Default: 60. */
  readonly portSeconds?: number
  /** Between SIGHUP, SIGTERM and SIGKILL. Default: 5. */
  readonly graceSeconds?: number
  /** For all programs and hooks. */
  readonly variables?: Readonly<Record<string, string>>
  /** REMOTE_HOST. Default: the machine's address in the overlay if it has that, else the config's. */
  readonly address?: string
  /** Whether a hook that fails is a failure: before the first pair, of each of them. Default: false. */
  readonly strict?: boolean
}

/**
 * Registers a test for each pair of the group in `folder`. Two VMs are given routes to each other as long as the group
 * is open. The hooks after the last pair run when all of them have ended.
 * @throws UsageError when the folder is no group
 */
export function pairs(folder: string, options: PairsOptions): void {
  const group = readGroup(folder)
  describe(group.name, () => {
    const opened = new GroupInRun(group, options)
    for (const pair of group.pairs) {
      test(pair.name, async ({ environment, signal, task }) => {
        const { open, results } = await opened.once(environment, signal)
        task.meta.dpbench!.folder = relative(inject('dpbench').resultsFolder, join(results, pair.name))
        const outcome = await open.run(pair, signal)
        if (!outcome.succeeded) expect.fail(outcome.reason)
      })
    }
    afterAll(() => opened.close())
  })
}

interface Opened {
  readonly open: OpenGroup
  readonly results: string
  readonly unroute: () => Promise<void>
}

/** Opened by the first of its tests that runs; a failure is kept, and is that of all of them. */
class GroupInRun {
  private readonly group: Group
  private readonly options: PairsOptions
  private opening: Promise<Opened> | undefined

  constructor(group: Group, options: PairsOptions) {
    this.group = group
    this.options = options
  }

  once(environment: Environment, signal: AbortSignal): Promise<Opened> {
    this.opening ??= this.open(environment, signal)
    return this.opening
  }

  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined) // it has put everything back itself
    if (!opened) return
    try {
      await using open = opened.open
      this.tell(await open.after())
    } finally {
      await opened.unroute()
    }
  }

  private async open(environment: Environment, signal: AbortSignal): Promise<Opened> {
    const { group, options } = this
    const { config } = environment
    requirePairMachines(config, options)
    const find = (name: string): Connected =>
      environment.vms.get(name) ?? environment.hypervisors.get(name) ?? named(name)
    const connected = { local: find(options.local), remote: find(options.remote) }
    const unroute = await routed(environment, connected)
    try {
      const run = inject('dpbench')
      const results = join(run.resultsFolder, `${group.name}-${environment.mode}`)
      const open = await OpenGroup.open({
        group,
        machines: await pairMachines(config, connected, options.address),
        runId: fileName(`${run.runId}-${environment.mode}-${group.name}`),
        tag: basename(run.resultsFolder),
        results,
        variables: options.variables ?? {},
        limits: limitsOf(options),
        journal: journalFolders(await journalOf(run), run.runId, config, connected),
      })
      try {
        signal.throwIfAborted()
        this.tell(await open.before(signal))
      } catch (error) {
        await open[Symbol.asyncDispose]()
        throw error
      }
      return { open, results, unroute }
    } catch (error) {
      await unroute()
      throw error
    }
  }

  private tell(hooks: readonly HookOutcome[]): void {
    for (const each of hooks) tell({ type: 'log', text: hookLine(each) })
    const failed = hooks.filter(({ fault }) => fault !== undefined)
    if (this.options.strict && failed.length > 0)
      throw new DpbenchError(
        failed.map(({ hook, fault }) => `${this.group.name}/${hook}: ${fault}`).join('\n'),
      )
  }
}

function named(name: string): undefined {
  if (name !== controller) throw new UsageError(`the config has no machine ${name}`)
}

/** Where a data plane runs, and only between VMs. */
async function routed(
  environment: Environment,
  { local, remote }: Readonly<Record<Side, Connected>>,
): Promise<() => Promise<void>> {
  const apart = local instanceof VirtualMachine && remote instanceof VirtualMachine && local !== remote
  if (!apart || environment.dataplane.provenance.length === 0) return async () => undefined
  return environment.dataplane.route(local, remote)
}

function journalOf({ stateFolder }: RunContext): ReturnType<typeof openJournal> {
  return openJournal(journalFile(stateFolder))
}

function limitsOf({ timeoutSeconds = 600, portSeconds = 60, graceSeconds = 5 }: PairsOptions) {
  return { timeoutSeconds, portSeconds, graceSeconds }
}
