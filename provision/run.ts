/** What one run of provisioning works with. Nothing here does anything. */
import type { BenchConfig, HypervisorConfig } from '../src/config/types.ts'
import type { Journal, JournalHost, Undo } from '../src/core/journal.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import type { HostAddress } from '../src/transport/ssh/address.ts'
import type { DiskImage } from './disk-image.ts'
import type { Packer } from './pack.ts'
import type { Progress } from './progress.ts'
import type { Template } from './templates.ts'

/** A connection that is closed at the end. */
export type Connection = RemoteHost & AsyncDisposable

export interface ConnectRequest {
  /** The hypervisor whose connection leads to the VM. */
  readonly via?: RemoteHost
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

/** Opens a connection with a verified host key: SSH, or the recorder of a dry run. */
export type Connect = (address: HostAddress, request: ConnectRequest) => Promise<Connection>

/** Whose the things are that provisioning makes. */
export interface EnvironmentIdentity {
  /** In every label; made once, kept beside the journal. */
  readonly id: string
  readonly name: string
  /** `user@machine:folder`, for people who find a domain. */
  readonly origin: string
}

export interface ProvisionRun {
  readonly runId: string
  readonly identity: EnvironmentIdentity
  readonly config: BenchConfig
  readonly image: DiskImage
  readonly packer: Packer
  readonly domainTemplate: Template
  readonly ignitionTemplate: Template
  readonly authorizedKeys: readonly string[]
  readonly consolePasswordHash: string | null
  readonly journal: Pick<Journal, 'record'>
  /** Whether the journal has it that this folder was about to be made: without its label it is ours all the same. */
  readonly isBegun?: (folder: string, hypervisor: string) => boolean
  readonly progress: Progress
  /** Told before each step. Default: the progress. */
  readonly onStep?: (host: string, step: Step) => void
  readonly connect: Connect
  /** Aborted by the user, or by the failure of another hypervisor. */
  readonly signal: AbortSignal
}

/** One step on a hypervisor. Its undo is journaled before it is done. */
export interface Step {
  /** For people: `vm1: make its disk`. */
  readonly what: string
  readonly undo?: Undo
  /** What it leaves behind, for the journal: `domain vm1`. With `undo`. */
  readonly thing?: string
  readonly run: (host: RemoteHost) => Promise<void>
}

/** How a hypervisor is reached, as the connection and the journal want it. */
export function hostOf(config: BenchConfig, hypervisor: HypervisorConfig): JournalHost {
  const { name, address, port, user, sudo, hostKey } = hypervisor
  return {
    name,
    address,
    port,
    user,
    keyFile: config.keyFile,
    sudo,
    ...(hostKey === undefined ? {} : { hostKey }),
  }
}
