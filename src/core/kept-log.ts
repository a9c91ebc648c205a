/** Logs of machines and programs that a run keeps beside its results. */

/** `data-plane`: of the data plane on a hypervisor. `console`: a guest's serial console. `journal`: its system's log. */
export const logKinds = ['data-plane', 'console', 'journal'] as const
export type LogKind = (typeof logKinds)[number]

export interface KeptLog {
  /** The hypervisor or the guest that it is of. */
  readonly machine: string
  /** The mode of the run that it was written in. */
  readonly mode: string
  readonly kind: LogKind
  readonly text: string
}

export type KeepLog = (log: KeptLog) => Promise<void>

/** The most that is kept of one log, in bytes: the beginning of a longer data-plane log goes with its end, of others the end. */
export const mostLogBytes: Readonly<Record<LogKind, number>> = {
  'data-plane': 64 * 2 ** 20,
  console: 4 * 2 ** 20,
  journal: 16 * 2 ** 20,
}

/** Gathers a text of any length, and keeps a bounded part of it: a quarter from its beginning, the rest from its end. */
export class BoundedText {
  private readonly headBytes: number
  private readonly tailBytes: number
  private readonly head: Buffer[] = []
  private headLength = 0
  private tail: Buffer[] = []
  private tailLength = 0
  private dropped = 0

  constructor(mostBytes: number) {
    this.headBytes = Math.floor(mostBytes / 4)
    this.tailBytes = mostBytes - this.headBytes
  }

  add(chunk: Buffer): void {
    const room = this.headBytes - this.headLength
    if (room > 0) {
      this.head.push(chunk.subarray(0, room))
      this.headLength += Math.min(room, chunk.length)
    }
    if (chunk.length <= room) return
    this.tail.push(chunk.subarray(Math.max(0, room)))
    this.tailLength += chunk.length - Math.max(0, room)
    // in steps, so that a long text is not copied once per chunk
    if (this.tailLength > 2 * this.tailBytes) this.shorten()
  }

  toString(): string {
    this.shorten()
    const cut = this.dropped === 0 ? [] : [Buffer.from(`\n[dpbench left out ${this.dropped} bytes here]\n`)]
    return Buffer.concat([...this.head, ...cut, ...this.tail]).toString('utf8')
  }

  private shorten(): void {
    const excess = this.tailLength - this.tailBytes
    if (excess <= 0) return
    this.tail = [Buffer.concat(this.tail).subarray(excess)]
    this.tailLength = this.tailBytes
    this.dropped += excess
  }
}
