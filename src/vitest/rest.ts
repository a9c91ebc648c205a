/**
 * The pause between two repetitions, as the config asks for it: from the end of flows to the next repetition. What is read,
 * stored and judged meanwhile is part of it, and not added to it.
 */
import { setTimeout as delay } from 'node:timers/promises'

export class Rest {
  private readonly seconds: number
  private begunAt: number | undefined

  constructor(seconds: number) {
    this.seconds = seconds
  }

  /** Flows have ended. */
  begin(): void {
    this.begunAt = performance.now()
  }

  /** Waits for what is left of it; all of it, where flows were not seen to end. @throws the signal's reason */
  async over(signal?: AbortSignal): Promise<void> {
    const passed = this.begunAt === undefined ? 0 : performance.now() - this.begunAt
    this.begunAt = undefined
    const left = this.seconds * 1000 - passed
    if (left > 0) await delay(left, undefined, { signal })
    signal?.throwIfAborted()
  }
}
