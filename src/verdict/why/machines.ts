/** Causes that machines' counters show: cores at their limit, tools with one thread, interfaces that lose packets. */
import { bytesOfRun, coreLimit, coresAtWork, endsOf, guestCounters } from './busy-cores.ts'
import type { Cause, CoreUse, InterfaceUse } from '../counters.ts'
import { formatCount, formatPercent } from '../format.ts'
import type { FlowSample } from '../sample.ts'
import { type Measured, machinesIn, often, perGb, worstOf } from './tell.ts'

/** A packet that is lost where segmentation is offloaded is up to 45 segments; a tenth of the above is short of that on average. */
const mostDropsPerGb = 10
/** The kernel also counts as dropped what nobody listens to, such as LLDP and router advertisements: about one a second. */
const mostDropsPerSecond = 2
/** From 3.16 on iperf3 has a thread per stream. */
const firstThreadedMinor = 16

/** Per machine, its core that was nearest to its limit; one that is no busier than at rest only where there is no other. */
export function coreBusy(samples: readonly Measured[]): Cause[] {
  return machinesIn(samples).flatMap((seen) => {
    const atLimit = seen.flatMap(({ sample, counters }) =>
      coresAtWork(counters, sample.window.seconds)
        .filter(({ peak }) => peak >= coreLimit)
        .map((core) => ({ sample, counters, ...core, rest: busiestRest(seen, core.use) })),
    )
    if (atLimit.length === 0) return []
    const { sample, counters, use, peak, rest } = worstOf(atLimit, (each) =>
      each.rest >= coreLimit ? each.peak - 1 : each.peak,
    )
    const repetitions = new Set(atLimit.map((each) => each.sample)).size
    const before =
      rest >= coreLimit
        ? `; it was ${formatPercent(rest)} busy between repetitions too: a thread that polls, or work of something else`
        : ''
    const message =
      `core ${use.core} of ${counters.machine} (${endsOf(counters)}) was ${formatPercent(peak)} busy in repetition` +
      ` ${sample.repetition}, mostly ${mainShare(use)}${often(repetitions, samples.length)}${before}`
    return [{ rule: 'core-busy', message, machine: counters.machine }]
  })
}

/** An iperf3 with one thread per process, where its process or a core of its guest was at the limit. */
export function oneThread(samples: readonly Measured[]): Cause[] {
  const found = samples.flatMap((sample) =>
    sample.flows.flatMap((flow) => [
      ...oneThreadAt(sample, flow, 'sender'),
      ...oneThreadAt(sample, flow, 'receiver'),
    ]),
  )
  return [...Map.groupBy(found, ({ machine }) => machine).values()].map((same) => {
    const { machine, end, version, sample, seen, spare } = worstOf(same, ({ share }) => share)
    const advice = spare
      ? 'more flows, or iperf3 3.16 or newer, would use the cores that are left'
      : 'no core is left for another thread'
    const message = `${version} on ${machine} (${end}) has one thread for each flow, and in repetition ${sample.repetition} ${seen}: ${advice}`
    return { rule: 'one-thread', message, machine }
  })
}

/** Per interface. */
export function nicDrops(samples: readonly Measured[]): Cause[] {
  return machinesIn(samples).flatMap((seen) => {
    const lossy = seen.flatMap(({ sample, counters }) =>
      counters.interfaces
        .map((use) => ({ sample, counters, use, lost: lostAt(use) }))
        .filter(
          ({ lost }) =>
            perGb(lost, bytesOfRun(sample)) > mostDropsPerGb && lost / counters.seconds > mostDropsPerSecond,
        ),
    )
    return [...Map.groupBy(lossy, ({ use }) => use.name).values()].map((same) => {
      const { sample, counters, use, lost } = worstOf(same, (each) => each.lost)
      const message =
        `${use.name} of ${counters.machine} (${endsOf(counters)}) lost ${formatCount(lost)} packets in repetition` +
        ` ${sample.repetition}${often(same.length, samples.length)}: ${lossesOf(use)}`
      return { rule: 'nic-drops', message, machine: counters.machine }
    })
  })
}

interface OneThread {
  readonly machine: string
  readonly end: 'sender' | 'receiver'
  readonly version: string
  readonly sample: Measured
  readonly share: number
  /** What was at the limit. */
  readonly seen: string
  /** Whether the machine has a core that was not. */
  readonly spare: boolean
}

/** The process by iperf3's own account, else the guest's cores. */
function oneThreadAt(sample: Measured, flow: FlowSample, end: OneThread['end']): OneThread[] {
  const side = flow[end]
  if (!side || !hasOneThread(side.version)) return []
  const machine = end === 'sender' ? flow.from : flow.to
  const counters = guestCounters(sample, machine)
  const cores = counters ? coresAtWork(counters, sample.window.seconds) : []
  const ofProcess = (side.cpuPercent ?? 0) / 100
  const core = cores.length === 0 ? undefined : worstOf(cores, ({ peak }) => peak)
  const share = Math.max(ofProcess, core?.peak ?? 0)
  if (share < coreLimit) return []
  const seen =
    ofProcess >= coreLimit || !core
      ? `${flow.name} took ${formatPercent(ofProcess)} of a core`
      : `core ${core.use.core} was ${formatPercent(core.peak)} busy`
  const spare = cores.length === 0 || cores.some(({ peak }) => peak < coreLimit)
  return [{ machine, end, version: side.version, sample, share, seen, spare }]
}

/** `iperf 3.12`, as iperf3 names itself. */
function hasOneThread(version: string): boolean {
  const [, minor] = /^iperf 3\.(\d+)/.exec(version) ?? []
  return minor !== undefined && Number(minor) < firstThreadedMinor
}

const shareNames = {
  user: 'in programs',
  system: 'in the kernel',
  softirq: 'in softirqs',
  irq: 'in interrupts',
  steal: 'taken by the hypervisor below it',
} as const

function mainShare(use: CoreUse): string {
  const keys = Object.keys(shareNames) as (keyof typeof shareNames)[]
  return shareNames[worstOf(keys, (key) => use[key] ?? 0)]
}

/** Over all repetitions, for nothing is known of the time before the first. */
function busiestRest(seen: ReturnType<typeof machinesIn>[number], { core }: CoreUse): number {
  const cores = seen.flatMap(({ counters }) => counters.cores)
  return Math.max(0, ...cores.filter((each) => each.core === core).map(({ busyAtRest = 0 }) => busyAtRest))
}

/** The kernel and its driver may count the same losses. */
function lostAt(use: InterfaceUse): number {
  const byDriver = Object.values(use.driverDrops ?? {}).reduce((sum, count) => sum + count, 0)
  return Math.max(use.receiveDropped + use.receiveErrors + use.sendDropped + use.sendErrors, byDriver)
}

function lossesOf(use: InterfaceUse): string {
  const counted = [
    ['dropped on receiving', use.receiveDropped],
    ['receive errors', use.receiveErrors],
    ['dropped on sending', use.sendDropped],
    ['send errors', use.sendErrors],
    ...Object.entries(use.driverDrops ?? {}),
  ] as const
  return counted
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what} ${formatCount(count)}`)
    .join(', ')
}
