/** A data plane as the suites see it, whoever implements it. dpservice is the first. */
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import type { NetworkFunctions } from './network-functions.ts'

/** `offload`: established flows run in the NIC. `non-offload`: the software path handles every packet. */
export type Mode = 'offload' | 'non-offload'

/** What ran where: part of every report. */
export interface DataplaneProvenance {
  readonly hypervisor: string
  readonly image: string
  readonly imageId: string
  readonly digest: string | undefined
  /** As the data plane itself tells it. */
  readonly version: string
}

/** A data plane that runs on all hypervisors of an environment and has been told of all VMs. */
export interface DeployedDataplane extends NetworkFunctions {
  /** From its start to its end: none that there is can change it and keep its state (docs/modes.md). */
  readonly mode: Mode | 'plain'
  readonly provenance: readonly DataplaneProvenance[]
  /** Aborted, with the reason, as soon as the data plane stops on any hypervisor before it was told to. */
  readonly lost: AbortSignal
  /** Changes when the data plane was restarted anywhere: compared before and after each measurement. */
  identity(): Promise<string>
  /**
   * Lets two VMs reach each other, both ways, in both families. Nothing is to be done for VMs on one hypervisor.
   * Returns the undo, which may be called more than once.
   * @throws DeployError
   */
  route(a: VirtualMachine, b: VirtualMachine): Promise<() => Promise<void>>
  /**
   * Counts, from now until the observation's end, the packets of a path that the software path handles. Reads counters, and
   * sends nothing over the path. Whatever else goes from or to the two VMs meanwhile is counted too.
   */
  observePath(from: VirtualMachine, to: VirtualMachine): Promise<PathObservation>
  /** What carries packets between the hypervisors of two VMs; `undefined` where both are on one, and no line is crossed. */
  lineBetween(a: VirtualMachine, b: VirtualMachine): Promise<Line | undefined>
  /**
   * Kills it on one hypervisor, as a crash does, with all that it was told. `lost` stays quiet.
   * @throws DeployError where this run did not deploy it
   */
  kill(hypervisor: string): Promise<void>
  /**
   * Starts it again where it was killed, and tells it all that it knew: interfaces, routes, NAT, load balancers. Nothing where it
   * was not killed.
   * @throws DeployError, WaitError
   */
  start(hypervisor: string, signal?: AbortSignal): Promise<void>
  /** From now on its end is meant: `lost` stays quiet. */
  release(): void
}

export interface Line {
  /** What the data plane wraps each packet in on it. */
  readonly tunnelBytes: number
  /** At each of the two hypervisors. */
  readonly speeds: readonly LineSpeed[]
}

/** Of all devices together that packets leave a hypervisor by; `detail` names them. */
export type LineSpeed =
  | { readonly state: 'known'; readonly bitsPerSecond: number; readonly detail: string }
  | { readonly state: 'unknown'; readonly reason: string }

export interface PathObservation {
  end(): Promise<SoftwarePackets>
}

/** What the software path handled, where the path begins and where it ends; or why nobody knows. */
export type SoftwarePackets =
  | { readonly state: 'counted'; readonly counts: readonly SoftwareCount[] }
  | { readonly state: 'unknown'; readonly reason: string }

export interface SoftwareCount {
  /** `taken from vm3 on hypervisor-2` */
  readonly place: string
  readonly packets: number
}

/** Where a step's undo is written down before the step is done; `done` takes it out again. */
export interface UndoLog {
  record(undo: {
    readonly hypervisor: string
    readonly what: string
    readonly undo: { readonly kind: string; readonly [key: string]: UndoData }
  }): Promise<{ done(): Promise<void> }>
}
export type UndoData =
  | string
  | number
  | boolean
  | null
  | readonly UndoData[]
  | { readonly [key: string]: UndoData }
