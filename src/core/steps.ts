/**
 * What is done on machines, told to whoever wants to know. A run's timeline is made of it; who does the step knows nothing
 * of where that goes, and without an observer nothing is told.
 */
import type { CommandResult } from './command-result.ts'
import { describeError } from './errors.ts'

export interface StepBegun {
  /** As the config names it, or `controller`. */
  readonly machine: string
  readonly kind: 'phase' | 'command' | 'file' | 'docker' | 'connection'
  /** For people: `deploy the data plane`, or the command as a shell would take it. Never what goes to standard input. */
  readonly name: string
}

export interface StepEnded {
  readonly outcome: 'ok' | 'failed' | 'aborted'
  readonly exitStatus?: number | undefined
  readonly signal?: string | undefined
  /** Whole, with whatever secrets it has: who keeps it takes them out. */
  readonly output?: string | undefined
}

/** Is told of a step when it begins; what it returns is told of its end, once. It throws nothing and takes no time. */
export type Observe = (begun: StepBegun) => (ended: StepEnded) => void

/** The reason of an abort that is the end that was meant: of a process that runs until it is told to stop. */
export const asMeant = new Error('ended as meant')

/** The name of the machine that this runs on. */
export const controller = 'controller'

/** Does `work` as one step; what it throws is the step's output, or what `said` makes of its value. */
export async function asStep<T>(
  observe: Observe | undefined,
  begun: StepBegun,
  work: () => Promise<T>,
  signal?: AbortSignal,
  said?: (value: T) => string,
): Promise<T> {
  const end = observe?.(begun)
  try {
    const value = await work()
    end?.({ outcome: 'ok', ...(said && { output: said(value) }) })
    return value
  } catch (error) {
    end?.({ outcome: failure(signal), output: describeError(error) })
    throw error
  }
}

/** A part of the run, on all its machines. */
export function asPhase<T>(
  observe: Observe | undefined,
  name: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return asStep(observe, { machine: controller, kind: 'phase', name }, work, signal)
}

/** Runs a command as one step; one that does not end with status 0 has failed, whatever its caller makes of it. */
export async function asCommand(
  observe: Observe | undefined,
  begun: StepBegun,
  work: () => Promise<CommandResult>,
  signal?: AbortSignal,
): Promise<CommandResult> {
  const end = observe?.(begun)
  if (!end) return work()
  try {
    const result = await work()
    const { exitCode, timedOut, stdout, stderr } = result
    end({
      outcome: exitCode === 0 && !timedOut ? 'ok' : failure(signal),
      ...(exitCode !== null && { exitStatus: exitCode }),
      ...(result.signal !== null && { signal: result.signal }),
      // what a file or a command says is the step's output; what was written into a file is not
      output: begun.kind === 'file' ? stderr : [stdout, stderr].filter(Boolean).join('\n'),
    })
    return result
  } catch (error) {
    end({ outcome: failure(signal), output: describeError(error) })
    throw error
  }
}

function failure(signal: AbortSignal | undefined): StepEnded['outcome'] {
  if (!signal?.aborted) return 'failed'
  return signal.reason === asMeant ? 'ok' : 'aborted'
}
