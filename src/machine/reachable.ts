/** What the operations on machines share: the way to the machine, and how long they may take. */
import { UsageError } from '../core/errors.ts'
import type { RemoteHost } from '../transport/host.ts'

export interface Reachable {
  /** As the config names it. */
  readonly name: string
  /** Aborts what a test began when the test ends early. */
  readonly signal?: AbortSignal | undefined
  /**
   * The connection to the machine, made anew when it was lost.
   * @param timeoutMs for making it anew
   * @throws MachineError when the machine is off, ConnectionError when it cannot be reached
   */
  connection(timeoutMs?: number): Promise<RemoteHost>
  /** `NAME=value` for the environment of a command that is about to run, where what it starts is to be found again. */
  commandMark?(): Promise<string | undefined>
}

export interface TimedOptions {
  /** For the whole operation. Default 60 s. */
  readonly timeoutMs?: number
}

/** Of every operation that is not told otherwise. */
export const usualTimeoutMs = 60_000

/** What a timer takes: about 24 days. */
const mostMs = 2 ** 31 - 1

/** The operation's deadline in ms. @throws UsageError for what is no time: a timer would take it for no time at all */
export function timeoutOf(operation: string, { timeoutMs: ms = usualTimeoutMs }: TimedOptions): number {
  if (typeof ms === 'number' && ms > 0 && ms <= mostMs) return ms
  throw new UsageError(
    `${operation}: timeoutMs is ${ms}: write milliseconds, more than 0 and at most ${mostMs}`,
  )
}

/** `70 s`, `0.5 s` */
export function inSeconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`
}

/** The end of a text that may be long. */
export function endOf(text: string, limit = 1000): string {
  const whole = text.trim()
  return whole.length > limit ? `…${whole.slice(-limit)}` : whole
}
