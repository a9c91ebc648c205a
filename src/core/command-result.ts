/** What a finished command leaves behind, local or remote, and the error when that is not what was asked for. */
import { DpbenchError } from './errors.ts'
import { quoteArgv } from './shell-quote.ts'

export interface CommandResult {
  /** The machine that ran it, as the config names it; `localhost` for the controller. */
  readonly host: string
  readonly argv: readonly string[]
  /** `null` when a signal ended it or the connection was lost. */
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
  readonly timedOut: boolean
}

/** Of a command that was answered and not run: of a plan, and of machines that are made up. */
export function answered(host: string, argv: readonly string[], stdout: string, exitCode = 0): CommandResult {
  return { host, argv, exitCode, signal: null, stdout, stderr: '', durationMs: 0, timedOut: false }
}

/** A command failed. The message names the cause in a fixed order: deadline, signal, exit code; then its output. */
export class CommandError extends DpbenchError {
  override readonly code = 'DPBENCH_COMMAND'
  readonly result: CommandResult

  constructor(result: CommandResult, options?: ErrorOptions) {
    super(commandMessage(result), options)
    this.result = result
  }
}

function commandMessage(result: CommandResult): string {
  const { host, argv, exitCode, signal, stdout, stderr, durationMs, timedOut } = result
  const seconds = (durationMs / 1000).toFixed(1)
  const cause = timedOut
    ? `ran out of its deadline after ${seconds} s`
    : signal
      ? `was ended by ${signal}`
      : exitCode === null
        ? 'ended without an exit status (connection lost?)'
        : `failed with exit code ${exitCode}`
  const output = tail(stderr.trim() || stdout.trim(), 1000)
  return [`${host}: command ${cause}: ${quoteArgv(argv)}`, output].filter(Boolean).join('\n')
}

function tail(text: string, limit: number): string {
  return text.length > limit ? `…${text.slice(-limit)}` : text
}
