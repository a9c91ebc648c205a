/** The remote program of a running pair: whether it ended by itself, and what follows from that for the local one. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ProgramEnd, RunningProgram } from './program.ts'
import type { RemoteProgram } from './requests.ts'

/** What is still running gets these, in this order. */
export const endSignals = ['HUP', 'TERM', 'KILL'] as const

/** For a service that was started elsewhere, by an init system for instance, to open its port. */
const settleMs = 2000

export class RemoteWatch implements RemoteProgram {
  readonly over: Promise<void>
  /** Its own end, or the one that it was brought to. */
  end: ProgramEnd | undefined
  /** Whether it ended before anybody asked for that. */
  byItself = false
  private readonly program: RunningProgram
  private readonly graceSeconds: number
  private readonly fail: (reason: string) => void
  private stopping: Promise<void> | undefined
  /** The local program has seen what it needed of the remote one, or waits for its end. */
  private localIsReady = false

  constructor(program: RunningProgram, graceSeconds: number, fail: (reason: string) => void) {
    this.program = program
    this.graceSeconds = graceSeconds
    this.fail = fail
    this.over = program.ended.then((end) => this.note(end))
  }

  /** One after the other, while it or what it has started still runs. */
  stop(): Promise<void> {
    this.stopping ??= this.bringToEnd()
    return this.stopping
  }

  awaited(): void {
    this.localIsReady = true
  }

  portSeen(): void {
    this.localIsReady = true
  }

  async givesUp(signal: AbortSignal): Promise<string> {
    await this.over
    if (this.end?.status === 0) {
      // a program may have put itself into the background, and open its port from there
      await delay(settleMs, undefined, { signal })
      while (await this.program.lives()) await delay(1000, undefined, { signal })
    }
    const reason = `${this.described()}, so the port will not open any more`
    if (!this.localIsReady && this.byItself) this.fail(reason)
    return reason
  }

  /** `the remote program ended by itself with status 1` */
  described(): string {
    if (this.end?.lost !== undefined) return this.end.lost
    const how = this.byItself ? 'ended by itself with' : 'was ended, with'
    return `the remote program ${how} ${statusText(this.end)}`
  }

  private note(end: ProgramEnd): void {
    this.end = end
    if (end.lost !== undefined) return this.fail(end.lost)
    this.byItself = this.stopping === undefined
    if (this.byItself && end.status !== 0 && !this.localIsReady)
      this.fail(`${this.described()} before the local one was ready`)
  }

  private async bringToEnd(): Promise<void> {
    await this.program.end(endSignals, this.graceSeconds)
    await this.program.ended
  }
}

export function statusText(end: ProgramEnd | undefined): string {
  return end?.status === undefined ? 'no status' : `status ${end.status}`
}
