/** Counts on all machines of a measurement side by side, repetition by repetition. What cannot be counted is said, and spoils no figure. */
import { describeError } from '../core/errors.ts'
import { coreUse } from '../machine/counters/difference.ts'
import type { Reading } from '../machine/counters/reading.ts'
import { type Counted, type Sampler, startSampler } from '../machine/counters/sampler.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { RemoteHost } from '../transport/host.ts'
import type { MachineCounters } from '../verdict/counters.ts'
import type { SampleProvenance } from '../verdict/sample.ts'

export interface CountedMachine {
  readonly name: string
  readonly role: MachineCounters['role']
  readonly ends: NonNullable<MachineCounters['ends']>
  readonly ssh: Pick<RemoteHost, 'tryRun'>
}

export interface RepetitionCounting {
  /** Ends it and tells what was counted. */
  end(): Promise<Pick<SampleProvenance, 'counters' | 'countersMissing'>>
  /** For a repetition that failed; may be called after `end`. */
  stop(): Promise<void>
}

/** What a repetition may take beyond the time that flows run: servers are started and ended, emulated CPUs are slow. */
const marginSeconds = 120
/** A rest shorter than this has too few of the kernel's ticks to tell how busy a core was. */
const shortestRestSeconds = 0.5

/** The guests of a path and their hypervisors, each once, with the ends that they are. */
export function machinesOf(from: VirtualMachine, receivers: readonly VirtualMachine[]): CountedMachine[] {
  const guests = [
    { vm: from, end: 'sender' as const },
    ...receivers.map((vm) => ({ vm, end: 'receiver' as const })),
  ]
  const places = [
    ...guests.map(({ vm, end }) => ({ role: 'guest' as const, host: vm, end })),
    ...guests.map(({ vm, end }) => ({ role: 'hypervisor' as const, host: vm.hypervisor, end })),
  ]
  const byName = Map.groupBy(places, ({ role, host }) => `${role} ${host.name}`)
  return [...byName.values()].map((same) => {
    const { role, host } = same[0]!
    return { name: host.name, role, ssh: host.ssh, ends: [...new Set(same.map(({ end }) => end))] }
  })
}

/** The counting of one measurement: between its repetitions nothing is measured, and what the cores do then is told too. */
export class MeasurementCounting {
  private readonly machines: readonly CountedMachine[]
  private readonly mostSeconds: number
  private readonly lastReadings = new Map<string, Reading>()

  /** @param flowSeconds how long the flows of one repetition run */
  constructor(machines: readonly CountedMachine[], flowSeconds: number) {
    this.machines = machines
    this.mostSeconds = Math.ceil(flowSeconds) + marginSeconds
  }

  /** Resolves when all machines count. Never rejects but for `signal`. */
  async begin(signal: AbortSignal): Promise<RepetitionCounting> {
    const { mostSeconds } = this
    const started = await Promise.all(
      this.machines.map(async (machine) => {
        return { machine, sampler: await attempt(() => startSampler(machine.ssh, { mostSeconds, signal })) }
      }),
    )
    const stop = async (): Promise<void> => {
      await Promise.all(started.map(({ sampler }) => ('done' in sampler ? sampler.done.stop() : undefined)))
    }
    if (signal.aborted) await stop()
    signal.throwIfAborted()
    return { stop, end: () => this.collect(started) }
  }

  private async collect(
    started: readonly { readonly machine: CountedMachine; readonly sampler: Attempt<Sampler> }[],
  ): ReturnType<RepetitionCounting['end']> {
    const outcomes = await Promise.all(
      started.map(async ({ machine, sampler }) => {
        const counted =
          'done' in sampler
            ? await attempt(async () => this.describe(machine, await sampler.done.end()))
            : sampler
        return 'done' in counted
          ? { counters: [counted.done], missing: [] }
          : { counters: [], missing: [`${machine.name}: ${counted.reason}`] }
      }),
    )
    const missing = outcomes.flatMap((outcome) => outcome.missing)
    return {
      counters: outcomes.flatMap((outcome) => outcome.counters),
      ...(missing.length > 0 && { countersMissing: missing }),
    }
  }

  private describe({ name, role, ends }: CountedMachine, counted: Counted): MachineCounters {
    const { use, series, first, second } = counted
    const atRest = this.restOf(`${role} ${name}`, first)
    this.lastReadings.set(`${role} ${name}`, second)
    const cores = use.cores.map((core) => {
      const busyAtRest = atRest.get(core.core)
      return busyAtRest === undefined ? core : { ...core, busyAtRest }
    })
    return { machine: name, role, ends, ...use, cores, ...(series && { cpuSeries: series }) }
  }

  /** How busy each core was between the repetition before and this one. */
  private restOf(key: string, first: Reading): ReadonlyMap<number, number> {
    const last = this.lastReadings.get(key)
    if (!last || first.uptimeSeconds - last.uptimeSeconds < shortestRestSeconds) return new Map()
    return new Map(coreUse(last.cores, first.cores).map(({ core, busy }) => [core, busy]))
  }
}

type Attempt<T> = { readonly done: T } | { readonly reason: string }

async function attempt<T>(work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { done: await work() }
  } catch (error) {
    return { reason: describeError(error) }
  }
}
