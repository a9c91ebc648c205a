/** What provisioning takes and gives, beside its options. */
import type { Progress } from './progress.ts'
import type { Connect } from './run.ts'

export interface ProvisionDeps {
  /** A line for the user. */
  readonly log: (line: string) => void
  /** Default: plain lines through `log`. */
  readonly progress?: Progress
  /** When it is aborted, all that this run created is taken back, then its reason is thrown. */
  readonly signal?: AbortSignal | undefined
  /** Default: SSH. */
  readonly connect?: Connect
}

export interface ProvisionedMachine {
  readonly name: string
  readonly hypervisor: string
  /** Of its management NIC: how SSH reaches it through its hypervisor. */
  readonly address: string
  readonly macAddress: string
  readonly hostKey: string
  readonly state: 'created' | 'started' | 'unchanged'
}

export interface ProvisionResult {
  readonly environment: string
  /** `undefined` for a dry run, which writes nothing. */
  readonly workingFile?: string
  readonly vms: readonly ProvisionedMachine[]
}
