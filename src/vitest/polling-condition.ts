/** An invariant of a test: looked at again and again beside whatever the test does, and the end of the test when it breaks. */
import { setTimeout as delay } from 'node:timers/promises'
import { ConditionError, UsageError, describeError } from '../core/errors.ts'

/** Holds when it resolves with anything but `false`. What it throws says why it does not hold. */
export type Holds = (signal: AbortSignal) => unknown

export interface PollingOptions {
  /** From the end of one look to the begin of the next. Default 1000. */
  readonly intervalMs?: number
  /** For one look; one that takes longer has broken the condition. Default 30000. */
  readonly timeoutMs?: number
}

/** Polled until it is disposed of (`await using`), or until the test ends. */
export interface PollingCondition extends AsyncDisposable {
  readonly name: string
  /** Looks now. @throws ConditionError when it does not hold, or has not held since it was made */
  check(): Promise<void>
  /** Does `work` while it is polled, and no longer. @throws ConditionError as soon as it breaks */
  during<T>(work: () => T | Promise<T>): Promise<T>
}

export interface PollingEnds {
  /** Of the test: no more looks after it. */
  readonly signal: AbortSignal
  /** Ends the test. */
  readonly end: (reason: ConditionError) => void
}

/** @throws UsageError for an interval or a time limit that is none */
export function pollingCondition(
  name: string,
  holds: Holds,
  { intervalMs = 1000, timeoutMs = 30_000 }: PollingOptions,
  { signal, end }: PollingEnds,
): PollingCondition {
  for (const [option, value] of Object.entries({ intervalMs, timeoutMs }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new UsageError(`pollingCondition ${name}: ${option} is ${value}: write milliseconds, more than 0`)
  const stopped = new AbortController()
  const whilePolled = AbortSignal.any([signal, stopped.signal])
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined) // told by `end` too
  let failure: ConditionError | undefined

  const look = async (until: AbortSignal): Promise<void> => {
    if (failure) throw failure
    const why = await reason(holds, timeoutMs, until)
    if (why === undefined || signal.aborted) return
    failure = new ConditionError(`the condition "${name}" is broken: ${why}`)
    broken.reject(failure)
    throw failure
  }
  const poll = async (): Promise<void> => {
    while (!whilePolled.aborted) {
      try {
        await look(whilePolled)
      } catch (error) {
        if (!signal.aborted) end(error as ConditionError)
        return
      }
      await delay(intervalMs, undefined, { signal: whilePolled }).catch(() => undefined)
    }
  }
  const polling = poll()
  const stop = async (): Promise<void> => {
    stopped.abort()
    await polling
  }
  return {
    name,
    check: () => look(signal),
    async during(work) {
      try {
        return await Promise.race([work(), broken.promise])
      } finally {
        await stop()
      }
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** Why it does not hold; `undefined` when it does. */
async function reason(holds: Holds, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  const late = AbortSignal.timeout(timeoutMs)
  const looking = AbortSignal.any([signal, late])
  const ended = Promise.withResolvers<string | undefined>()
  const onAbort = (): void =>
    ended.resolve(late.aborted ? `no answer within ${timeoutMs / 1000} s` : undefined)
  looking.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([outcome(holds, looking), ended.promise])
  } finally {
    looking.removeEventListener('abort', onAbort)
  }
}

async function outcome(holds: Holds, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await holds(signal)) === false ? 'it does not hold' : undefined
  } catch (error) {
    return describeError(error)
  }
}
