/**
 * Watches the console of a run while it lasts, and ends it: when the script has said its word, after a fault of the kernel,
 * at the deadline, or when it is interrupted. At a deadline the console is told first, so that a guest which lives echoes
 * it into its own log; then SIGTERM; then SIGKILL (as koverstreet/ktest's lib/supervisor.c does).
 */
import { faultKindOf } from './console-faults.ts'
import { Deadline } from './deadline.ts'
import type { GuestEnd, RunningGuest } from './launcher.ts'
import { Lines } from './lines.ts'
import { SubtestBoard } from './subtests.ts'

export interface SupervisorOptions {
  readonly subtests: readonly string[]
  /** For the script from its beginning, or for each subtest. 0: none. */
  readonly timeoutMs: number
  readonly success: RegExp
  readonly failure: RegExp
  /** The VM stays after the script has ended, until it is ended otherwise. */
  readonly stays: boolean
  /** The run ends with the first subtest that fails. */
  readonly failFast: boolean
  /** Whether the guest is sending something: it is not ended meanwhile, but by the deadline. */
  readonly sending?: () => boolean
  readonly pauses?: Partial<Pauses>
  readonly onPiece?: ((piece: string) => void) | undefined
  readonly onLine?: ((line: string) => void) | undefined
}

export interface Pauses {
  /** From the start of the VM to the script's beginning; no less than the script's own time. */
  readonly bootMs: number
  /** After the script's word, for what it still does: results are sent, the VM switches itself off. */
  readonly settleMs: number
  /** After a fault of the kernel, for the lines that follow it. */
  readonly faultMs: number
  /** After the marker on the console. */
  readonly markerMs: number
  /** After SIGTERM. */
  readonly termMs: number
}

export const defaultPauses: Pauses = {
  bootMs: 180_000,
  settleMs: 3000,
  faultMs: 3000,
  markerMs: 3000,
  termMs: 5000,
}

export interface Watched {
  readonly end: GuestEnd
  readonly board: SubtestBoard
  readonly lines: readonly string[]
  readonly timedOut?: { readonly afterMs: number; readonly subtest?: string | undefined }
}

/** The most that a guest may ask for with `WATCHDOG`: a day. */
const longestWatchdogSeconds = 86_400
const mostConsoleLines = 1_000_000
const begun = /^dpbench: the script begins\b/
const ended = /^dpbench: the script has ended\b/

export class Supervisor {
  private readonly lines: string[] = []
  private readonly board: SubtestBoard
  private readonly deadline: Deadline
  private readonly pauses: Pauses
  private readonly guest: RunningGuest
  private readonly options: SupervisorOptions
  private settling: NodeJS.Timeout | undefined
  private stopping: Promise<void> | undefined
  private timedOut: Watched['timedOut']
  private scriptEnded = false

  constructor(guest: RunningGuest, options: SupervisorOptions) {
    this.guest = guest
    this.options = options
    this.pauses = { ...defaultPauses, ...options.pauses }
    this.board = new SubtestBoard(options.subtests)
    const firstMs = options.timeoutMs && Math.max(options.timeoutMs, this.pauses.bootMs)
    this.deadline = new Deadline(firstMs || longestWatchdogSeconds * 1000, (givenMs) =>
      this.stop(this.timeout(givenMs)),
    )
  }

  /** Follows the run to its end. `signal` ends it too; that it did is the caller's to know. */
  async watch(signal: AbortSignal): Promise<Watched> {
    const interrupted = (): void => this.stop(this.guest.stop(this.pauses.termMs))
    if (signal.aborted) interrupted()
    signal.addEventListener('abort', interrupted, { once: true })
    try {
      const reader = new Lines((line) => this.line(line))
      for await (const piece of this.guest.console) {
        this.options.onPiece?.(piece)
        reader.add(piece)
      }
      reader.end()
      const end = await this.guest.ended
      await this.stopping
      this.board.cutShort(this.timedOut ? 'TIMEOUT' : 'FAILED', performance.now())
      const { board, lines, timedOut } = this
      return { end, board, lines, ...(timedOut && { timedOut }) }
    } finally {
      signal.removeEventListener('abort', interrupted)
      this.deadline[Symbol.dispose]()
      clearTimeout(this.settling)
    }
  }

  private line(text: string): void {
    this.options.onLine?.(text)
    if (this.lines.length < mostConsoleLines) this.lines.push(text)
    const mark = this.board.line(text, performance.now())
    const watchdog = /^WATCHDOG (\d+)\s*$/.exec(text)?.[1]
    if (watchdog !== undefined)
      this.deadline.set(Math.min(Math.max(Number(watchdog), 1), longestWatchdogSeconds) * 1000)
    else if ((mark !== undefined || begun.test(text)) && this.options.timeoutMs > 0)
      this.deadline.set(this.options.timeoutMs)
    if (ended.test(text)) this.scriptEnds()
    else if (faultKindOf(text) !== undefined) this.settle(this.pauses.faultMs)
    else if (this.options.failure.test(text) || this.options.success.test(text))
      this.settle(this.pauses.settleMs)
    else if (mark === 'ended' && this.options.failFast && text.includes('FAILED'))
      this.settle(this.pauses.settleMs)
  }

  /** What is left of the run is short and its own: only the deadline ends it now. */
  private scriptEnds(): void {
    this.scriptEnded = true
    clearTimeout(this.settling)
    if (this.options.stays) this.deadline[Symbol.dispose]()
  }

  private settle(ms: number): void {
    if (this.scriptEnded || this.options.stays || this.settling) return
    this.settling = setTimeout(() => {
      this.settling = undefined
      if (this.options.sending?.()) this.settle(ms)
      else this.stop(this.guest.stop(this.pauses.termMs))
    }, ms)
  }

  private stop(stopping: Promise<void>): void {
    this.stopping = Promise.all([this.stopping, stopping]).then(() => undefined)
    // awaited when the console has ended; until then it must not count as nobody's
    this.stopping.catch(() => undefined)
  }

  private async timeout(afterMs: number): Promise<void> {
    const subtest = this.board.running
    this.timedOut = { afterMs, subtest }
    const marker = `========= FAILED TIMEOUT ${subtest ?? '(no test)'} in ${Math.round(afterMs / 1000)}s`
    this.line(`dpbench: ${marker}`)
    let waiting: NodeJS.Timeout | undefined
    const marked = new Promise<void>((resolve) => (waiting = setTimeout(resolve, this.pauses.markerMs)))
    // a guest that no longer reads its console is told nothing, and killed the sooner
    const told = this.guest.send(`${marker}\n`).then(
      () => marked,
      () => undefined,
    )
    await Promise.race([told, this.guest.ended])
    clearTimeout(waiting)
    await this.guest.stop(this.pauses.termMs)
  }
}
