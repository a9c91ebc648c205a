/** `--reboot`: the VMs of a config, rebooted side by side before anything is deployed. */
import type { BenchConfig } from '../config/index.ts'
import { together } from '../core/together.ts'
import { type Reboot, reboot, refuseSharedKernels } from '../machine/reboot.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'

/** A reboot as it is recorded. */
export interface GuestReboot extends Reboot {
  /** From asking until the data plane's DHCP lease was on the data NIC again; absent when none came. */
  leaseSeconds?: number
}

interface RebootOptions {
  readonly config: BenchConfig
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Reboots the VMs; each has its new connection afterwards.
 * @throws UsageError before any is rebooted when one cannot be; WaitError when one does not come back
 */
export async function rebootGuests(
  vms: ReadonlyMap<string, VirtualMachine>,
  { config, log, signal }: RebootOptions,
): Promise<readonly GuestReboot[]> {
  await refuseSharedKernels([...vms.values()])
  log(`rebooting ${[...vms.keys()].join(', ')}`)
  const timeoutMs = config.libvirt.bootTimeoutSeconds * 1000
  return together(
    [...vms.values()].map(async (vm) => {
      const done = await reboot(vm, { timeoutMs, signal })
      log(`${vm.name}: rebooted, SSH back after ${done.sshSeconds.toFixed(1)} s (boot ${done.bootIdAfter})`)
      return { ...done }
    }),
  )
}

/** Notes when the lease of a rebooted VM's data NIC came. */
export function tellLease(
  reboots: readonly GuestReboot[],
  name: string,
  seconds: number,
  log: (line: string) => void,
): void {
  const rebooted = reboots.find(({ machine }) => machine === name)
  if (!rebooted) return
  rebooted.leaseSeconds = seconds
  log(`${name}: the data NIC's lease is back after ${seconds.toFixed(1)} s more`)
}
