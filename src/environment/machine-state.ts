/**
 * What a run could leave on a hypervisor or in a guest, as lines that are the same before and after when nothing was left.
 * What changes by itself (counters, remaining lifetimes, addresses that routers announce) is cut off or left out (machine-state-probes.ts).
 */
import { shell } from '../core/shell-quote.ts'
import { leasedAddresses } from '../machine/others-on-link.ts'
import { commandMark } from '../machine/marked-processes.ts'
import type { RemoteHost } from '../transport/host.ts'
import { probes, unknown } from './machine-state-probes.ts'

/** By kind of thing, its lines. */
export type MachineState = ReadonlyMap<string, readonly string[]>

const mark = '\u0001'
const script = [
  'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"',
  // in shells of their own: what one sets or where it goes is not the next one's
  ...Object.entries(probes).map(
    ([kind, { ask }]) => `printf '${mark}%s\\n' '${kind}'; (${ask}\n) 2>/dev/null`,
  ),
  'exit 0',
].join('\n')

const readTimeoutMs = 60_000

/** @throws CommandError, ConnectionError */
export async function readMachineState(host: RemoteHost, runId: string): Promise<MachineState> {
  const { stdout } = await host.run(shell(script, runId, commandMark(runId, host.name)), {
    as: { kind: 'command', name: 'look at what is on the machine' },
    timeoutMs: readTimeoutMs,
  })
  return parseMachineState(stdout)
}

export function parseMachineState(text: string): MachineState {
  return new Map(
    text
      .split(mark)
      .slice(1)
      .map((part) => {
        const [kind = '', ...lines] = part.split('\n')
        const clean = probes[kind]?.clean ?? ((line) => line)
        const told = lines.map((line) => clean(line)?.trim() ?? '').filter(Boolean)
        return [kind, kindsOfTaps.has(kind) ? told.filter((line) => !ofTap.test(line)) : told]
      }),
  )
}

/** libvirt makes and removes them as VMs are switched on and off, also those of others. */
const ofTap = /\b(vnet|macvtap)\d+\b/
const kindsOfTaps = new Set(['link', 'address', 'route', 'setting'])

export interface Difference {
  readonly kind: string
  readonly change: 'added' | 'gone'
  readonly line: string
}

/**
 * What came and what went. A line that is there twice counts twice. That a lease of before has ended is no difference: its client
 * asks again when the link was down, and who gave it may be gone.
 */
export function differences(before: MachineState, after: MachineState): Difference[] {
  const leased = leasedAddresses(before.get('route')?.join('\n') ?? '')
  const ofLease = (line: string): boolean =>
    line.includes(' proto dhcp ') || line.split(/[\s/]+/).some((word) => leased.has(word))
  const lost = ({ kind, change, line }: Difference): boolean =>
    change === 'gone' && (kind === 'route' || kind === 'address') && ofLease(line)
  return everyDifference(before, after).filter((each) => !lost(each))
}

function everyDifference(before: MachineState, after: MachineState): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((kind) => {
    const [old, now] = [before.get(kind) ?? [], after.get(kind) ?? []]
    if (old.includes(unknown) || now.includes(unknown)) return []
    return [
      ...without(now, old).map((line) => ({ kind, change: 'added' as const, line })),
      ...without(old, now).map((line) => ({ kind, change: 'gone' as const, line })),
    ]
  })
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
