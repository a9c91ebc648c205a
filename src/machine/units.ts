/** systemd's units on a machine, read as `systemctl show` prints properties for programs. */
import type { CommandResult } from '../core/command-result.ts'
import { MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { type Probe, waitFor } from '../core/wait.ts'
import type { Executed } from './commands.ts'
import { type Reachable, type TimedOptions, endOf, inSeconds, usualTimeoutMs } from './reachable.ts'

export interface UnitOptions extends TimedOptions {
  /** The user whose own manager (`systemctl --user`) has the unit; it must run: the user logged in, or lingers. */
  readonly user?: string
}

/** No wait will change it. */
class NoSystemd extends MachineError {}

/** The properties of a unit by their names: `ActiveState`, `SubState`, `Result`, `MainPID` and so on. */
export type UnitInfo = Readonly<Record<string, string>>

/**
 * Runs `systemctl` with these arguments and resolves however it ends.
 * @param args one text of words that spaces separate, or a list of arguments
 * @throws MachineError when the machine does not run systemd, or at the deadline; ConnectionError
 */
export async function systemctl(
  on: Reachable,
  args: string | readonly string[],
  options: UnitOptions = {},
): Promise<Executed> {
  const words = typeof args === 'string' ? args.split(/\s+/).filter(Boolean) : args
  const { exitCode, signal, stdout, stderr } = await run(on, systemctlCommand(words, options.user), options)
  if (exitCode === null)
    throw new MachineError(`${on.name}: systemctl was ended by ${signal ?? 'nobody knows what'}`)
  return { status: exitCode, stdout, stderr }
}

/** All properties of a unit. One that systemd does not know has `LoadState: 'not-found'`. @throws MachineError */
export async function getUnitInfo(on: Reachable, unit: string, options: UnitOptions = {}): Promise<UnitInfo> {
  const { status, stdout, stderr } = await systemctl(on, showArguments(unit), options)
  if (status !== 0) throw new MachineError(`${on.name}: systemctl show ${unit} failed: ${endOf(stderr)}`)
  return parseProperties(stdout)
}

/**
 * Waits until the unit is active.
 * @throws WaitError at once when the unit has failed, or is inactive while systemd has no job pending that could start it;
 * at the deadline, with the state that it is in
 */
export async function waitForUnit(on: Reachable, unit: string, options: UnitOptions = {}): Promise<void> {
  const command = unitAndJobs(unit, options.user)
  await waitFor(
    async (signal) => {
      try {
        const { exitCode, stdout, stderr } = await run(on, command, { ...options, signal })
        return exitCode === 0 ? unitProbe(stdout) : { state: 'pending', seen: endOf(stderr) }
      } catch (error) {
        if (error instanceof NoSystemd) return { state: 'failed', reason: error.message }
        throw error
      }
    },
    {
      what: `the unit ${unit} on ${on.name} to be active`,
      timeoutMs: options.timeoutMs ?? usualTimeoutMs,
      signal: on.signal,
    },
  )
}

/** @throws MachineError when the unit is in another state */
export async function requireUnitState(
  on: Reachable,
  unit: string,
  state = 'active',
  options: UnitOptions = {},
): Promise<void> {
  const info = await getUnitInfo(on, unit, options)
  if (info['ActiveState'] === state) return
  throw new MachineError(`${on.name}: the unit ${unit} was to be ${state} and is ${describeUnit(info)}`)
}

/** Starts or stops a unit and waits until systemd has done it. @throws MachineError when it cannot, with its reason */
export async function changeUnit(
  on: Reachable,
  change: 'start' | 'stop',
  unit: string,
  options: UnitOptions = {},
): Promise<void> {
  const { status, stderr } = await systemctl(on, [change, '--', unit], options)
  if (status === 0) return
  throw new MachineError(
    `${on.name}: systemctl ${change} ${unit} failed with status ${status}: ${endOf(stderr)}\n` +
      `(\`systemctl status ${unit}\` and \`journalctl -u ${unit}\` there tell more)`,
  )
}

/**
 * What `unitAndJobs` printed: the unit, how many jobs the manager has, and the unit again. A job that ended between the
 * unit and the count has changed the unit: only what both looks say holds.
 */
export function unitProbe(printed: string): Probe<void> {
  const [first, manager, second] = printed.split(separator).map(parseProperties)
  const [before, jobs, after] = [first!, manager?.['NJobs'] ?? '', second]
  if (!after || !/^\d+$/.test(jobs))
    return { state: 'pending', seen: `systemctl printed ${endOf(printed, 200)}` }
  const state = after['ActiveState']
  if (state === 'active') return { state: 'ready', value: undefined }
  const ownJob = (after['Job'] ?? '') !== '' && after['Job'] !== '0'
  if (state === 'failed' && !ownJob) return { state: 'failed', reason: `it is ${describeUnit(after)}` }
  const idle = state === 'inactive' && before['ActiveState'] === 'inactive' && !ownJob && jobs === '0'
  if (idle) return { state: 'failed', reason: `it is ${describeUnit(after)}, and no job is pending` }
  return { state: 'pending', seen: `${describeUnit(after)}, ${jobs} jobs pending` }
}

const separator = '== dpbench ==\n'

function showArguments(unit: string): string[] {
  return ['show', '--no-pager', '--', unit]
}

/** One round trip, so that the looks are as close together as can be. */
function unitAndJobs(unit: string, user: string | undefined): string[] {
  const script =
    'systemctl $scope show --no-pager -- "$1" || exit; printf %s "$2"\n' +
    'systemctl $scope show --no-pager --property=NJobs || exit; printf %s "$2"\n' +
    'systemctl $scope show --no-pager -- "$1"'
  return inManager(user, script, unit, separator)
}

function systemctlCommand(args: readonly string[], user: string | undefined): string[] {
  return inManager(user, 'systemctl $scope "$@"', ...args)
}

/** Status of a machine without systemd; systemctl itself ends with less. */
const noSystemd = 97

/** `$scope` in `script` is `--user` for a user's manager. */
function inManager(user: string | undefined, script: string, ...args: readonly string[]): string[] {
  const guard = `[ -d /run/systemd/system ] || exit ${noSystemd}`
  if (user === undefined) return shell(`${guard}; scope=--system\n${script}`, ...args)
  return shell(
    `${guard}; user=$1; shift; uid=$(id -u -- "$user") || exit\n` +
      'exec runuser -u "$user" -- env XDG_RUNTIME_DIR="/run/user/$uid" "$@"',
    user,
    ...shell(`scope=--user\n${script}`, ...args),
  )
}

async function run(
  on: Reachable,
  command: readonly string[],
  options: TimedOptions & { readonly signal?: AbortSignal },
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? usualTimeoutMs
  const host = await on.connection(timeoutMs)
  const result = await host.tryRun(command, { timeoutMs, signal: options.signal ?? on.signal })
  if (result.exitCode === noSystemd)
    throw new NoSystemd(
      `${on.name} does not run systemd (there is no /run/systemd/system), so it has no units; use commands there`,
    )
  if (result.timedOut)
    throw new MachineError(`${on.name}: systemctl was not done within ${inSeconds(timeoutMs)}`)
  return result
}

function parseProperties(text: string): UnitInfo {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

/** `failed (failed), its result is exit-code` */
function describeUnit(info: UnitInfo): string {
  const { ActiveState: state = 'in no known state', SubState, LoadState, Result } = info
  const load = LoadState && LoadState !== 'loaded' ? `, ${LoadState}` : ''
  const result = Result && Result !== 'success' ? `, its result is ${Result}` : ''
  return `${state}${SubState ? ` (${SubState})` : ''}${load}${result}`
}
