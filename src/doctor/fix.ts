/** `doctor --fix`: makes the repairs of a diagnosis, each journaled before it is done. `doctor --revert` takes them back. */
import type { BenchConfig } from '../config/index.ts'
import { environmentFolder } from '../config/index.ts'
import { DisposalStack } from '../core/disposal-stack.ts'
import { DpbenchError, describeError } from '../core/errors.ts'
import { type Journal, type JournalHost, openJournal } from '../core/journal.ts'
import { quoteArgv } from '../core/shell-quote.ts'
import { hypervisorAddress, journalHost } from '../environment/addresses.ts'
import { journalFile, leaseFile } from '../environment/environment.ts'
import { acquireLease } from '../environment/lease.ts'
import type { RemoteHost } from '../transport/host.ts'
import { connectHost } from '../transport/ssh/connect.ts'
import { aptOptions, wouldInstall } from './apt.ts'
import type { Diagnosis } from './diagnose.ts'
import type { Repair } from './finding.ts'
import { doctorUndo, readSettings } from './undo.ts'

export interface PlannedRepair extends Repair {
  /** A hypervisor of the config. */
  readonly machine: string
}

export interface FixDeps {
  readonly cwd: string
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** In the order of the findings; what two of them ask for, once. */
export function repairsOf({ findings }: Diagnosis): PlannedRepair[] {
  const all = findings.flatMap(({ machine, repairs = [] }) =>
    repairs.map((repair) => ({ machine, ...repair })),
  )
  return [
    ...new Map(all.map((repair) => [`${repair.machine} ${JSON.stringify(repair.undo)}`, repair])).values(),
  ]
}

/** What would be done, for people: each change with its commands, which run as root. */
export function showRepairs(repairs: readonly PlannedRepair[]): string[] {
  const byMachine = Map.groupBy(repairs, ({ machine }) => machine)
  return [...byMachine].flatMap(([machine, own]) => [
    machine,
    ...own.flatMap(({ what, commands }) => [
      `  ${what}`,
      ...commands.map((command) => `      # ${quoteArgv(command)}`),
    ]),
  ])
}

/**
 * Makes the repairs, hosts side by side, each host's in their order; on after one that fails, which is taken back at once.
 * @throws DpbenchError naming all that failed, after the others were made
 */
export async function fix(
  { config, label }: { readonly config: BenchConfig; readonly label: string },
  repairs: readonly PlannedRepair[],
  deps: FixDeps,
): Promise<void> {
  const folder = environmentFolder(deps.cwd, config.name)
  const runId = label.split(' ').at(-1)!
  await using stack = new DisposalStack()
  stack.use(await acquireLease(leaseFile(folder), runId, { timeoutMs: 10_000, signal: deps.signal }))
  const journal = await openJournal(journalFile(folder))
  const failures = await Promise.all(
    config.hypervisors.map(async (hypervisor) => {
      const own = repairs.filter(({ machine }) => machine === hypervisor.name)
      if (own.length === 0) return []
      const address = hypervisorAddress(config, hypervisor)
      const host = stack.use(await connectHost(address, { timeoutMs: 10_000, signal: deps.signal }))
      return fixHost({ host, journal, runId, target: journalHost(address) }, own, deps)
    }),
  )
  const all = failures.flat()
  if (all.length > 0) throw new DpbenchError(['Not everything could be put right:', ...all].join('\n  ✖ '))
}

export interface FixTarget {
  readonly host: RemoteHost
  readonly target: JournalHost
  readonly journal: Journal
  readonly runId: string
}

/** Returns a sentence per repair that failed. */
export async function fixHost(
  on: FixTarget,
  repairs: readonly Repair[],
  { log, signal }: Pick<FixDeps, 'log' | 'signal'>,
): Promise<string[]> {
  const failures: string[] = []
  for (const repair of repairs) {
    signal?.throwIfAborted()
    try {
      log(await make(on, repair))
    } catch (error) {
      failures.push(`${on.host.name}: ${repair.what}: ${describeError(error)}`)
    }
  }
  return failures
}

async function make({ host, journal, runId, target }: FixTarget, repair: Repair): Promise<string> {
  const { what } = repair
  if (await isThere(host, repair)) return `${host.name}: ${what}: is so already`
  const { commands, undo } = await resolved(host, repair)
  const entry = { runId, scope: 'doctor', host: target, what: `${what} on ${host.name}`, undo } as const
  const id = await journal.record(entry)
  try {
    for (const command of commands) await host.run(alone(command), aptOptions)
    await verify(host, repair)
    return `${host.name}: ${what}`
  } catch (error) {
    const [recorded] = journal.pending('doctor').filter((each) => each.id === id)
    const { left } = await doctorUndo().replay(journal, recorded ? [recorded] : [], async () => host)
    for (const { reason } of left)
      throw new DpbenchError(`failed, and could not be taken back (${reason}); it stays in the journal`, {
        cause: error,
      })
    throw error
  }
}

/**
 * One at a time on a host, also when the controller is killed meanwhile: the command goes on there, and a `--revert` waits
 * for it. The lock is on a folder that is there, and goes with the process.
 */
function alone(command: readonly string[]): string[] {
  return ['flock', '--close', '/run', ...command]
}

/** Waits until no command of a `--fix` runs there any more. */
export async function untilAlone(host: RemoteHost): Promise<void> {
  await host.run(alone(['true']), aptOptions)
}

/** For packages only apt knows what it would bring along: asked with its lists renewed, as the first command does. */
async function resolved(host: RemoteHost, repair: Repair): Promise<Pick<Repair, 'commands' | 'undo'>> {
  const { packages, kind } = repair.undo
  if (kind !== 'doctor-packages') return repair
  const [update, ...commands] = repair.commands
  if (update) await host.run(alone(update), aptOptions)
  const names = await wouldInstall(host, packages as readonly string[])
  return { commands, undo: { kind, packages: names } }
}

/** @throws DpbenchError when a setting is neither as it was seen nor as it is to be */
async function isThere(host: RemoteHost, { undo }: Repair): Promise<boolean> {
  const wanted = settingsOf(undo)
  if (wanted.length === 0) return false
  const now = await readSettings(
    host,
    wanted.map(({ path }) => path),
  )
  if (wanted.every(({ after }, index) => now[index] === after)) return true
  const changed = wanted.find(({ before, after }, index) => now[index] !== before && now[index] !== after)
  if (changed) throw new DpbenchError(`${changed.path} has changed meanwhile: look again with dpbench doctor`)
  return false
}

/** The kernel may take a value and do less: hugepages when memory is in pieces. */
async function verify(host: RemoteHost, { undo }: Repair): Promise<void> {
  const wanted = settingsOf(undo)
  if (wanted.length === 0) return
  const now = await readSettings(
    host,
    wanted.map(({ path }) => path),
  )
  for (const [index, { path, after }] of wanted.entries()) {
    if (now[index] === after) continue
    throw new DpbenchError(
      `${path} became ${now[index] ?? 'nothing'}, not ${after}; put back. Memory may be in pieces: ask for it on the kernel's command line, and reboot`,
    )
  }
}

interface Wanted {
  readonly path: string
  readonly before: string
  readonly after: string
}

function settingsOf(undo: Repair['undo']): readonly Wanted[] {
  const { settings } = undo
  return Array.isArray(settings) ? (settings as readonly Wanted[]) : []
}
