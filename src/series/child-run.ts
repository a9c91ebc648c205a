/**
 * One `dpbench run` as a process of its own: Vitest and the plugin keep what they are asked for in their process, and a run
 * that dies takes nothing of the series with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'

export interface StartedRun {
  /** After `dpbench run`. */
  readonly argv: readonly string[]
  /** Gets all that the run says. */
  readonly logFile: string
  readonly onLine: (line: string) => void
  /** Aborted: the run is told to end, and waited for while it puts everything back. */
  readonly signal: AbortSignal
}

/** Resolves with the exit code. */
export type StartRun = (run: StartedRun) => Promise<number>

/** Tells a run that its standard input is held open by a series, and that the series has died when it ends. */
export const heldBySeries = 'DPBENCH_HELD_BY_SERIES'

/**
 * @param command what starts `dpbench`: the program, then its arguments
 * @param env without the settings of a run: what was asked for stands in its arguments
 */
export function processRuns(command: readonly string[], env: NodeJS.ProcessEnv): StartRun {
  return async ({ argv, logFile, onLine, signal }) => {
    const [program, ...first] = command
    const log = createWriteStream(logFile)
    const child = spawn(program!, [...first, 'run', ...argv], {
      env: { ...env, [heldBySeries]: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.stdin.on('error', () => undefined) // it may end first
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        onLine(line)
      })
    }
    // a terminal's Ctrl-C has reached it already: a second signal changes nothing
    const interrupt = (): void => void child.kill('SIGINT')
    if (signal.aborted) interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      const [code] = (await once(child, 'close')) as [number | null]
      return code ?? 130
    } finally {
      signal.removeEventListener('abort', interrupt)
      log.end()
      await finished(log)
    }
  }
}
