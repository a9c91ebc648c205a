/**
 * In a worker, while somebody looks on: what comes in at the receivers, once a second. One process per receiver prints its
 * data NIC's counter, over the management connection: 25 bytes and one `sleep` a second (docs/live.md has what it costs).
 */
import { shell } from '../../core/shell-quote.ts'
import { asMeant } from '../../core/steps.ts'
import { runVariable } from '../../machine/marked-processes.ts'
import type { VirtualMachine } from '../../machine/virtual-machine.ts'
import { tell } from '../messages.ts'
import type { MeasureContext } from '../throughput.ts'

/** No measurement lasts longer; its end ends the process. */
const timeoutMs = 3_600_000

/** The shell's own commands, but for `sleep`; uptime is the machine's clock in hundredths of a second. */
const script =
  `export ${runVariable}=$2; while read -r bytes < "/sys/class/net/$1/statistics/rx_bytes" && ` +
  'read -r uptime _ < /proc/uptime && echo "$uptime $bytes"; do sleep 1; done'

/** Tells which machines the measurement that begins is between. */
export function measuring({ run }: MeasureContext, machines: readonly VirtualMachine[]): void {
  if (!run.live) return
  tell({ type: 'live', event: { kind: 'machines', machines: machines.map(({ name }) => name) } })
}

/** Does `work` while the throughput into `receivers` is told; nobody looks on, nothing is asked. */
export async function withRates<T>(
  { run, environment }: MeasureContext,
  receivers: readonly VirtualMachine[],
  work: () => Promise<T>,
): Promise<T> {
  if (!run.live) return work()
  const end = new AbortController()
  const watching = receivers.map(({ name, ssh }) => {
    const nic = environment.guests.get(name)?.interface
    if (nic === undefined) return undefined
    const onLine = rateReader((bitsPerSecond) =>
      tell({ type: 'live', event: { kind: 'rate', machine: name, bitsPerSecond } }),
    )
    const as = { kind: 'command', name: `throughput into ${nic}, for the live screen` } as const
    return ssh.tryRun(shell(script, nic, run.runId), { onLine, signal: end.signal, timeoutMs, as })
  })
  // a screen without a figure is no reason to end a measurement; a lost connection ends it where it is measured
  const quiet = watching.map((each) => each?.catch(() => undefined))
  try {
    return await work()
  } finally {
    end.abort(asMeant)
    await Promise.all(quiet)
  }
}

/** Reads lines of `uptime bytes`, in seconds; from the second line on each gives a rate. */
export function rateReader(tellRate: (bitsPerSecond: number) => void): (line: string) => void {
  let last: { readonly uptime: number; readonly bytes: number } | undefined
  return (line) => {
    const [uptime, bytes] = line.split(' ').map(Number)
    if (uptime === undefined || bytes === undefined || !Number.isFinite(uptime + bytes)) return
    if (last && uptime > last.uptime) tellRate((8 * (bytes - last.bytes)) / (uptime - last.uptime))
    last = { uptime, bytes }
  }
}
