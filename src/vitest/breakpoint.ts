/**
 * Stops a test until somebody at the terminal goes on. The main process shows the prompt, above which the live screen is taken
 * away; the worker, which shares the terminal, waits for Enter.
 */
import { open } from 'node:fs/promises'
import { ReadStream } from 'node:tty'
import { UsageError } from '../core/errors.ts'
import { tell } from './messages.ts'
import type { RunContext } from './run-context.ts'

export interface BreakpointAt {
  readonly run: Pick<RunContext, 'interactive' | 'wayIn'>
  readonly test: string
  /** In ms, where the test has a time limit of its own, which nothing can stop: it fails the test, and not the look at it. */
  readonly ownLimitMs?: number | undefined
  readonly signal: AbortSignal
  /** The worker's terminal; for tests. */
  readonly terminal?: string
}

const endings = ['SIGINT', 'SIGTERM'] as const

/** Nobody reads a prompt in less. */
const typedAheadMs = 100

/** Without a terminal it says so, and the test goes on. @throws the reason of `signal` */
export async function breakAt(at: BreakpointAt, why?: string): Promise<void> {
  const { run, test, ownLimitMs, signal, terminal = '/dev/tty' } = at
  signal.throwIfAborted()
  const stopped = `breakpoint${why === undefined ? '' : ` (${why})`} in "${test}"`
  if (!run.interactive) {
    tell({ type: 'log', text: `${stopped}: passed by, as nobody is at a terminal` })
    return
  }
  const limit =
    ownLimitMs === undefined
      ? []
      : [
          `This test has a time limit of its own, ${ownLimitMs / 1000} s, which goes on: it fails then, and all stays as it is until Enter.`,
        ]
  tell({ type: 'stop', text: [`${stopped}: stopped`, ...run.wayIn, ...limit, 'Enter goes on.'].join('\n') })
  try {
    await enter(terminal, signal)
  } finally {
    tell({ type: 'goOn' })
  }
}

/** Whether a test was ended by its own time limit, which it has been failed for already. */
export function isTimeLimit(reason: unknown): boolean {
  return reason instanceof Error && reason.name === 'TestTimeoutError'
}

/** @throws UsageError without a terminal; the reason of `signal` */
async function enter(terminal: string, signal: AbortSignal): Promise<void> {
  const handle = await open(terminal, 'r').catch((error: unknown) => {
    throw new UsageError(`the breakpoint cannot read the terminal ${terminal}`, { cause: error })
  })
  const input = new ReadStream(handle.fd)
  let unlisten = (): void => undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const interrupt = (): void => reject(new Error('interrupted'))
      const onAbort = (): void => {
        if (!isTimeLimit(signal.reason)) return reject(signal.reason as Error)
        // a run that is ended aborts no signal a second time; Ctrl-C reaches this process too
        for (const name of endings) process.on(name, interrupt)
        unlisten = () => endings.forEach((name) => process.off(name, interrupt))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      input.on('error', reject).on('end', resolve)
      const shown = performance.now()
      // what was typed before the prompt comes at once, and was not meant for it
      input.on('data', (text) => {
        if (performance.now() - shown > typedAheadMs && String(text).includes('\n')) resolve()
      })
    })
  } finally {
    unlisten()
    input.destroy()
  }
  signal.throwIfAborted()
}
