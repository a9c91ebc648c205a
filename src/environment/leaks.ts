/** What a run has left on its machines: their state before it, held against their state once everything was put back. */
import { DpbenchError, describeError } from '../core/errors.ts'
import { waitFor } from '../core/wait.ts'
import type { RemoteHost } from '../transport/host.ts'
import { bootId } from '../machine/guest-network.ts'
import { type Difference, type MachineState, differences, readMachineState } from './machine-state.ts'

/** Kernel objects and sessions take a moment to go. */
const settleMs = 5000
/** Shown of each kind on a machine; the rest is counted. */
const mostOfKind = 3

export interface LeakOptions {
  readonly runId: string
  readonly log: (line: string) => void
  readonly onLeaks?: ((leaks: readonly string[]) => void | Promise<void>) | undefined
}

interface Watched {
  /** After a reboot it is reached by another connection. */
  readonly host: () => RemoteHost
  readonly bootId: string
  readonly before: MachineState
}

export class LeakWatch {
  private readonly options: LeakOptions
  private readonly watched: readonly Watched[]

  private constructor(options: LeakOptions, watched: readonly Watched[]) {
    this.options = options
    this.watched = watched
  }

  /** Takes the state of all machines, side by side. @throws CommandError, ConnectionError */
  static async begin(hosts: readonly (() => RemoteHost)[], options: LeakOptions): Promise<LeakWatch> {
    const watched = hosts.map(async (host) => {
      const [boot, before] = await Promise.all([bootId(host()), readMachineState(host(), options.runId)])
      return { host, bootId: boot, before }
    })
    return new LeakWatch(options, await Promise.all(watched))
  }

  /** Tells a sentence per machine on which something was left. @throws DpbenchError with them, where nobody takes them */
  async end(): Promise<void> {
    const found = await Promise.all(this.watched.map((each) => this.leftOn(each)))
    const leaks = found.filter((each) => each !== undefined)
    const { onLeaks } = this.options
    if (onLeaks) await onLeaks(leaks)
    else if (leaks.length > 0) throw new DpbenchError(`leaked: ${leaks.join('; ')}`)
  }

  private async leftOn({ host, bootId: boot, before }: Watched): Promise<string | undefined> {
    const { runId, log } = this.options
    const { name } = host()
    try {
      if ((await bootId(host())) !== boot)
        return void log(`${name}: it was restarted, so what was left there is gone`)
      let found: Difference[] = []
      await waitFor(
        async () => {
          found = differences(before, await readMachineState(host(), runId))
          return found.length === 0 ? { state: 'ready', value: undefined } : { state: 'pending' }
        },
        { what: `${name} to be as before`, timeoutMs: settleMs, intervalMs: 100 },
      ).catch(() => undefined) // what still differs is what is told
      return found.length === 0 ? undefined : `${name}: ${describeDifferences(found)}`
    } catch (error) {
      return void log(`${name}: whether anything was left there is not known: ${describeError(error)}`)
    }
  }
}

export function describeDifferences(found: readonly Difference[]): string {
  const kinds = [...Map.groupBy(found, ({ kind, change }) => `${kind} ${change}`)]
  return kinds
    .map(([what, each]) => {
      const shown = each.slice(0, mostOfKind).map(({ line }) => line)
      const more = each.length - shown.length
      return `${what}: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    })
    .join('; ')
}
