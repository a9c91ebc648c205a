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
  readonly mode: Mode
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
  /** From now on its end is meant: `lost` stays quiet. */
  release(): void
  /** Its log on each hypervisor so far, by hypervisor name. */
  logs(): Promise<ReadonlyMap<string, string>>
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
