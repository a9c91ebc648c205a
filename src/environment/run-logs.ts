/**
 * The guests' logs of a run, kept when it ends, however it ends. (The data plane's is kept by the undo of its container:
 * whoever removes it has it in hand.) A log that cannot be had is said, and ends nothing.
 */
import { type KeepLog, type LogKind } from '../core/kept-log.ts'
import { describeError } from '../core/errors.ts'
import { type ConsoleMark, consoleSince, markConsole } from '../machine/console-log.ts'
import { guestLog } from '../machine/guest-log.ts'
import type { RemoteHost } from '../transport/host.ts'

export interface RunLogOptions {
  readonly mode: string
  readonly keepLog: KeepLog
  readonly log: (line: string) => void
}

export class RunLogs {
  private readonly options: RunLogOptions
  private readonly startedAt = performance.now()
  private readonly consoles = new Map<
    string,
    { readonly hypervisor: RemoteHost; readonly mark: ConsoleMark }
  >()

  private readonly guests = new Map<string, { readonly ssh: RemoteHost }>()

  constructor(options: RunLogOptions) {
    this.options = options
  }

  /** Remembers where the consoles of a hypervisor's guests end now. */
  async begin(hypervisor: RemoteHost, guests: readonly string[]): Promise<void> {
    const marking = guests.map((guest) =>
      this.orSay(guest, 'console', async () => {
        const mark = await markConsole(hypervisor, guest)
        if (mark) this.consoles.set(guest, { hypervisor, mark })
      }),
    )
    await Promise.all(marking)
  }

  /** Keeps what the consoles have said since. */
  async keepConsoles(): Promise<void> {
    const keeping = [...this.consoles].map(([guest, { hypervisor, mark }]) =>
      this.orSay(guest, 'console', async () =>
        this.keep(guest, 'console', await consoleSince(hypervisor, mark)),
      ),
    )
    await Promise.all(keeping)
  }

  /** Where a guest's system is to be asked. After a reboot it has another connection. */
  follow(guest: string, machine: { readonly ssh: RemoteHost }): void {
    this.guests.set(guest, machine)
  }

  /** Keeps what the guests' systems have logged since, side by side, each once. */
  async keepJournals(): Promise<void> {
    const followed = [...this.guests]
    this.guests.clear()
    const seconds = (performance.now() - this.startedAt) / 1000
    const keeping = followed.map(([guest, { ssh }]) =>
      this.orSay(guest, 'journal', async () => this.keep(guest, 'journal', await guestLog(ssh, seconds))),
    )
    await Promise.all(keeping)
  }

  private keep(machine: string, kind: LogKind, text: string): Promise<void> {
    return this.options.keepLog({ machine, mode: this.options.mode, kind, text })
  }

  private async orSay(machine: string, kind: LogKind, step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.options.log(`${machine}: its ${kind} is not kept: ${describeError(error)}`)
    }
  }
}
