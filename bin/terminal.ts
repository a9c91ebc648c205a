/** What all commands need of the terminal: progress lines, and signals as an abort. */

import { createInterface } from 'node:readline/promises'

const started = performance.now()

/** A line of progress, on standard error, with the seconds since the command began. */
export function progress(line: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
  process.stderr.write(`${seconds} s  ${line}\n`)
}

/** Whether there is somebody to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true
}

/** Asks at the terminal; anything but a yes is a no. */
export async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    terminal.close()
  }
}

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Ending = keyof typeof exitCodes

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort; then its failure is the shell's code for the signal.
 * @param names SIGHUP, a terminal that was closed, too: not for what may run on under nohup
 */
export async function untilSignal(
  work: (signal: AbortSignal) => Promise<number>,
  names: readonly Ending[] = ['SIGINT', 'SIGTERM'],
): Promise<number> {
  const stop = new AbortController()
  let exitCode: number | undefined
  const handlers = names.map((name) => {
    const handler = (): void => {
      exitCode ??= exitCodes[name]
      stop.abort(new Error(`interrupted by ${name}`))
    }
    process.on(name, handler)
    return () => process.off(name, handler)
  })
  try {
    const code = await work(stop.signal)
    return exitCode ?? code
  } catch (error) {
    if (exitCode === undefined) throw error
    return exitCode
  } finally {
    for (const remove of handlers) remove()
  }
}
