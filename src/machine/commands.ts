/**
 * Commands as a test writes them: shell text, run by `bash` with `set -euo pipefail`, so that a fault in the middle of a
 * script or of a pipe is a fault of the command. A machine without bash takes a `sh` that knows pipefail (busybox).
 */
import { constants } from 'node:os'
import type { CommandResult } from '../core/command-result.ts'
import { MachineError, UsageError, WaitError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { type Probe, waitFor } from '../core/wait.ts'
import { type Reachable, type TimedOptions, endOf, inSeconds, timeoutOf } from './reachable.ts'

/** What a command left. */
export interface Executed {
  /** The exit status; 128 and the signal's number when a signal ended it, as shells have it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** One or more commands, and after them the options. */
export type Commands = readonly string[] | readonly [...commands: string[], options: TimedOptions]

/** A command did not end as the test asked. */
export class MachineCommandError extends MachineError {
  readonly machine: string
  readonly command: string
  /** `undefined` when it had not ended at its deadline. */
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string

  constructor(
    machine: string,
    command: string,
    what: string,
    ran: Omit<Executed, 'status'> & { readonly status?: number },
  ) {
    super([`${machine}: \`${command}\` ${what}`, outputOf(ran)].filter(Boolean).join('\n'))
    this.machine = machine
    this.command = command
    this.status = ran.status
    this.stdout = ran.stdout
    this.stderr = ran.stderr
  }
}

/**
 * Runs the commands in turn, up to the first that fails; resolves however it ends.
 * @throws MachineCommandError at the deadline, when all that the command started has been killed; ConnectionError
 */
export async function execute(on: Reachable, args: Commands): Promise<Executed> {
  const { commands, timeoutMs } = parse('execute', args)
  const deadline = performance.now() + timeoutMs
  const ran: Executed[] = []
  for (const command of commands) {
    const each = await runOne(on, command, deadline - performance.now(), timeoutMs)
    ran.push(each)
    if (each.status !== 0) break
  }
  return {
    status: ran.at(-1)!.status,
    stdout: ran.map(({ stdout }) => stdout).join(''),
    stderr: ran.map(({ stderr }) => stderr).join(''),
  }
}

/**
 * Runs the commands in turn and returns what they wrote to standard output, one after the other.
 * @throws MachineCommandError of the first that does not end with status 0, or that is not done at the deadline
 */
export function succeed(on: Reachable, args: Commands): Promise<string> {
  return each('succeed', on, args, (command, ran) => {
    if (ran.status === 0) return
    throw new MachineCommandError(on.name, command, `failed with status ${ran.status}`, ran)
  })
}

/**
 * Runs the commands in turn and returns what they wrote to standard output. One that runs out of its deadline has not
 * failed: nobody knows how it would have ended.
 * @throws MachineCommandError of the first that ends with status 0, or that is not done at the deadline
 */
export function fail(on: Reachable, args: Commands): Promise<string> {
  return each('fail', on, args, (command, ran) => {
    if (ran.status !== 0) return
    throw new MachineCommandError(on.name, command, 'was to fail, and ended with status 0', ran)
  })
}

/**
 * Runs each command again, once a second at most, until it ends as wanted, and returns the standard output of these last
 * runs. A machine that cannot be reached meanwhile is waited for.
 * @throws WaitError at the deadline, with status and output of the last run that ended
 */
export async function waitUntil(
  wanted: 'succeeds' | 'fails',
  on: Reachable,
  args: Commands,
): Promise<string> {
  const { commands, timeoutMs } = parse(wanted === 'succeeds' ? 'waitUntilSucceeds' : 'waitUntilFails', args)
  const deadline = performance.now() + timeoutMs
  const outputs: string[] = []
  for (const command of commands) {
    let last = 'no run of it has ended yet'
    const probe = async (signal: AbortSignal): Promise<Probe<string>> => {
      const result = await runRaw(on, command, deadline - performance.now(), signal)
      if (signal.aborted) return { state: 'pending', seen: `${last}; it was running again` }
      const ran = executed(result)
      if ((ran.status === 0) === (wanted === 'succeeds')) return { state: 'ready', value: ran.stdout }
      last = [`status ${ran.status}`, outputOf(ran)].filter(Boolean).join('\n')
      return { state: 'pending', seen: last }
    }
    const what = `\`${command}\` to ${wanted === 'succeeds' ? 'succeed' : 'fail'} on ${on.name}`
    const leftMs = Math.max(1, Math.ceil(deadline - performance.now()))
    outputs.push(await waitFor(probe, { what, timeoutMs: leftMs, signal: on.signal }))
  }
  return outputs.join('')
}

async function each(
  operation: string,
  on: Reachable,
  args: Commands,
  check: (command: string, ran: Executed) => void,
): Promise<string> {
  const { commands, timeoutMs } = parse(operation, args)
  const deadline = performance.now() + timeoutMs
  const outputs: string[] = []
  for (const command of commands) {
    const ran = await runOne(on, command, deadline - performance.now(), timeoutMs)
    check(command, ran)
    outputs.push(ran.stdout)
  }
  return outputs.join('')
}

async function runOne(on: Reachable, command: string, leftMs: number, timeoutMs: number): Promise<Executed> {
  const result = await runRaw(on, command, leftMs, on.signal)
  on.signal?.throwIfAborted()
  if (!result.timedOut) return executed(result)
  const { stdout, stderr } = result
  const what = `was not done within ${inSeconds(timeoutMs)} and was ended; give it a longer timeoutMs if it may take that long`
  throw new MachineCommandError(on.name, command, what, { stdout, stderr })
}

async function runRaw(
  on: Reachable,
  command: string,
  leftMs: number,
  signal: AbortSignal | undefined,
): Promise<CommandResult> {
  const timeoutMs = Math.max(1, Math.ceil(leftMs))
  const host = await on.connection(timeoutMs)
  const mark = await on.commandMark?.()
  return host.tryRun(commandShell(command, mark), {
    timeoutMs,
    signal,
    ownSession: true,
    as: { kind: 'command', name: command },
  })
}

/** The shell that runs `command`, with `mark` in its environment. */
export function commandShell(command: string, mark?: string): string[] {
  return shell(
    '[ -z "$2" ] || export "$2"\n' +
      'if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; fi\n' +
      'if (set -o pipefail) 2>/dev/null; then exec sh -c "$1"; fi\n' +
      'echo "there is neither bash nor a sh that knows pipefail on this machine" >&2; exit 127',
    `set -euo pipefail\n${command}`,
    mark ?? '',
  )
}

function executed({ host, exitCode, signal, stdout, stderr }: CommandResult): Executed {
  if (exitCode !== null) return { status: exitCode, stdout, stderr }
  const number = constants.signals[signal as NodeJS.Signals] as number | undefined
  if (number === undefined)
    throw new WaitError(`${host}: a command ended without an exit status (connection lost?)`)
  return { status: 128 + number, stdout, stderr }
}

/** Both streams, told apart where both said something. */
function outputOf({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  const [out, err] = [endOf(stdout), endOf(stderr)]
  return out && err ? `standard output: ${out}\nstandard error: ${err}` : out || err
}

function parse(operation: string, args: Commands): { commands: string[]; timeoutMs: number } {
  const words: readonly (string | TimedOptions)[] = args
  const commands = words.filter((each) => typeof each === 'string')
  const [options = {}, ...more] = words.filter((each) => typeof each !== 'string')
  const empty = commands.findIndex((command) => command.trim() === '')
  if (commands.length === 0) throw new UsageError(`${operation} takes at least one command`)
  if (empty >= 0) throw new UsageError(`${operation}: command ${empty + 1} is empty`)
  const known = typeof options === 'object' && Object.keys(options).every((key) => key === 'timeoutMs')
  if (!known || more.length > 0)
    throw new UsageError(
      `${operation} takes commands and after them { timeoutMs }, not ${JSON.stringify(options)}`,
    )
  return { commands, timeoutMs: timeoutOf(operation, options) }
}
