/** Waiting for a state: a probe polled with a growing interval until it holds, fails for good, or its deadline passes. */
import { setTimeout as delay } from 'node:timers/promises'
import { WaitError, describeError } from './errors.ts'

/** What a probe says. `pending` may say what it saw; `failed` ends the wait at once. */
export type Probe<T> =
  | { readonly state: 'ready'; readonly value: T }
  | { readonly state: 'pending'; readonly seen?: string }
  | { readonly state: 'failed'; readonly reason: string }

export interface WaitOptions {
  /** Names the awaited state in the error: `dpservice on hypervisor-1 to answer`. */
  readonly what: string
  /** For the whole wait. */
  readonly timeoutMs: number
  /** The first pause between two probes; it doubles up to `maxIntervalMs`. Default 50. */
  readonly intervalMs?: number
  /** Default 1000. */
  readonly maxIntervalMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Polls `probe` until it is ready. A probe that throws counts as pending, and its error is shown at the deadline.
 * @throws WaitError at the deadline, with the last thing seen, or at once when the probe has failed for good.
 */
export async function waitFor<T>(
  probe: (signal: AbortSignal) => Promise<Probe<T>>,
  options: WaitOptions,
): Promise<T> {
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  const started = performance.now()
  let interval = options.intervalMs ?? 50
  let seen: string | undefined
  while (true) {
    const outcome = await probeOnce(probe, signal)
    if (outcome.state === 'ready') return outcome.value
    if (outcome.state === 'failed') {
      throw new WaitError(`waited for ${options.what}, which cannot happen any more: ${outcome.reason}`)
    }
    // what the deadline itself made of the last probe says less than what was seen before
    if (!(outcome.threw && signal.aborted && seen !== undefined)) seen = outcome.seen ?? seen
    options.signal?.throwIfAborted()
    if (deadline.aborted) {
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      throw new WaitError(`waited ${seconds} s for ${options.what}; last seen: ${seen ?? 'nothing'}`)
    }
    await delay(interval, undefined, { signal }).catch(() => undefined)
    interval = Math.min(interval * 2, options.maxIntervalMs ?? 1000)
  }
}

async function probeOnce<T>(
  probe: (signal: AbortSignal) => Promise<Probe<T>>,
  signal: AbortSignal,
): Promise<Probe<T> & { readonly threw?: boolean }> {
  try {
    return await probe(signal)
  } catch (error) {
    return { state: 'pending', seen: describeError(error), threw: true }
  }
}
