/**
 * One pair: the remote program is started, then the local one, whose end decides. The remote program's own end counts
 * when nobody asked for it.
 */
import { join } from 'node:path/posix'
import { describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import type { PairNames, Side } from './group.ts'
import type { PairSide } from './machines.ts'
import { type ProgramEnd, type ProgramOrder, type RunningProgram, startProgram } from './program.ts'
import { RemoteWatch, endSignals, statusText } from './remote-watch.ts'
import { Requests } from './requests.ts'

export interface Limits {
  /** For a pair, and for a hook. */
  readonly timeoutSeconds: number
  /** For a port to open or close. */
  readonly portSeconds: number
  /** For each signal to work. */
  readonly graceSeconds: number
}

export interface PairOrder {
  readonly pair: PairNames
  /** Names it among the programs that the open group runs. */
  readonly run: string
  readonly sides: Readonly<Record<Side, PairSide>>
  readonly variables: Readonly<Record<string, string>>
  readonly limits: Limits
  readonly signal?: AbortSignal | undefined
}

export interface PairOutcome {
  readonly pair: PairNames
  readonly succeeded: boolean
  /** In a sentence: why it failed, or how both ended. */
  readonly reason: string
  readonly seconds: number
  readonly ends: Readonly<Record<Side, ProgramEnd | undefined>>
  /** Whether the remote program ended before anybody asked for that. */
  readonly remoteByItself: boolean
}

/** The last resort comes after everything that the controller does. */
export function lastResortMs({ timeoutSeconds, graceSeconds }: Limits): number {
  return (timeoutSeconds + 4 * endSignals.length * graceSeconds + 60) * 1000
}

/**
 * Runs it to its end; nothing of it runs afterwards.
 * @throws CommandError, ConnectionError when a machine fails, and the signal's reason when it was interrupted
 */
export async function runPair(order: PairOrder): Promise<PairOutcome> {
  const { limits, signal } = order
  const begun = performance.now()
  const failing = Promise.withResolvers<string>()
  const timer = setTimeout(
    () => failing.resolve(`it still ran after ${limits.timeoutSeconds} s (--timeout)`),
    limits.timeoutSeconds * 1000,
  )
  const interrupted = (): void => failing.resolve('it was interrupted')
  signal?.addEventListener('abort', interrupted, { once: true })
  try {
    signal?.throwIfAborted()
    const ended = await runBoth(order, failing)
    signal?.throwIfAborted()
    return { pair: order.pair, seconds: (performance.now() - begun) / 1000, ...ended }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', interrupted)
  }
}

type Failing = PromiseWithResolvers<string>

async function runBoth(order: PairOrder, failing: Failing): Promise<Omit<PairOutcome, 'pair' | 'seconds'>> {
  const remote = await startProgram(programOf(order, 'remote'))
  const watch = new RemoteWatch(remote, order.limits.graceSeconds, failing.resolve)
  try {
    const { end, reason } = await runLocal(order, watch, failing)
    const stillRan = watch.end === undefined
    await watch.stop()
    const ends = { local: end, remote: watch.end }
    const fault = reason ?? faultOf(end, watch)
    const remoteByItself = watch.byItself
    if (fault !== undefined) return { succeeded: false, reason: fault, ends, remoteByItself }
    const told = stillRan ? `the remote program still ran and was ended` : watch.described()
    return { succeeded: true, reason: `the local program ended with status 0; ${told}`, ends, remoteByItself }
  } finally {
    await watch.stop() // again after it was done: nothing
  }
}

function faultOf(local: ProgramEnd, watch: RemoteWatch): string | undefined {
  if (watch.end?.lost !== undefined) return watch.end.lost
  if (local.status !== 0) return `the local program ended with ${statusText(local)}`
  return watch.byItself && watch.end?.status !== 0 ? watch.described() : undefined
}

/** Until it ends, or must be ended. */
async function runLocal(
  order: PairOrder,
  watch: RemoteWatch,
  failing: Failing,
): Promise<{ end: ProgramEnd; reason?: string }> {
  const { sides, limits } = order
  await using requests = new Requests({
    ...sides,
    control: sides.local.paths.control(`${order.run}-local`),
    run: `${order.run}-asked`,
    variables: programOf(order, 'remote').variables,
    program: watch,
    portSeconds: limits.portSeconds,
    deadlineMs: lastResortMs(limits),
  })
  const local = await startProgram({ ...programOf(order, 'local'), onAsk: requests.take })
  tellStandIn(sides.local, local, watch)
  try {
    const first = await Promise.race([local.ended, failing.promise])
    if (typeof first !== 'string')
      return first.lost === undefined ? { end: first } : { end: first, reason: first.lost }
    await local.end(endSignals, limits.graceSeconds)
    return { end: await local.ended, reason: first }
  } finally {
    await local.end(endSignals, limits.graceSeconds)
  }
}

/** REMOTE_PID lives on the local machine as long as the remote program does on its own. */
function tellStandIn({ machine }: PairSide, local: RunningProgram, watch: RemoteWatch): void {
  const tell = shell(`[ ! -p "$1" ] || printf 'over\\n' 1<>"$1"`, `${local.control}/stand-in`)
  // a machine that is lost meanwhile is told of by the end of its program
  void watch.over.then(() => machine.ssh.tryRun(tell)).catch(() => undefined)
}

export function programOf({ pair, run, sides, variables, limits }: PairOrder, side: Side): ProgramOrder {
  const at = sides[side]
  const results = (each: Side): string => join(sides[each].paths.results, pair.name, each)
  return {
    at,
    run: `${run}-${side}`,
    file: join(at.paths.group, side, pair[side]),
    cwd: results(side),
    variables: {
      ...variables,
      DPBENCH_PAIR: pair.name,
      LOCAL_RESULTS_PATH: results('local'),
      REMOTE_RESULTS_PATH: results('remote'),
    },
    deadlineMs: lastResortMs(limits),
  }
}

/** For a pair that could not be run: what came in the way. */
export function notRun(pair: PairNames, error: unknown): PairOutcome {
  const ends = { local: undefined, remote: undefined }
  return { pair, succeeded: false, reason: describeError(error), seconds: 0, ends, remoteByItself: false }
}
