/**
 * The pause between two repetitions, as the config asks for it: from the end of flows to the start of the next ones. What is read,
 * stored, judged and made ready meanwhile is part of it, and not added to it.
 */
import { setTimeout as delay } from 'node:timers/promises'

/** In which the next repetition gets ready: state is read, servers are started. A long pause stays quiet until then. */
const readyingMs = 1000

export class Rest {
  private readonly seconds: number
  /** Of `performance.now()`; before the first flows there is none. */
  private endsAt: number | undefined

  constructor(seconds: number) {
    this.seconds = seconds
  }

  /** Flows have ended. */
  begin(): void {
    this.endsAt = performance.now() + this.seconds * 1000
  }

  /** Waits until little of it is left. Where flows were not seen to end, all of it begins here. @throws the signal's reason */
  async nearlyOver(signal?: AbortSignal): Promise<void> {
    if (this.endsAt === undefined) this.begin()
    await until(this.endsAt! - readyingMs, signal)
  }

  /** Waits for what is left of it. @throws the signal's reason */
  async over(signal?: AbortSignal): Promise<void> {
    const { endsAt } = this
    this.endsAt = undefined
    if (endsAt !== undefined) await until(endsAt, signal)
  }
}

async function until(moment: number, signal: AbortSignal | undefined): Promise<void> {
  const left = moment - performance.now()
  if (left > 0) await delay(left, undefined, { signal })
  signal?.throwIfAborted()
}
