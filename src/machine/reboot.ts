/** Reboots guests, proven by their boot ids, and connects to them again. */
import { setTimeout as delay } from 'node:timers/promises'
import { CommandError } from '../core/command-result.ts'
import { UsageError, WaitError, describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { together } from '../core/together.ts'
import { bootId } from './guest-network.ts'
import { VirtualMachine } from './virtual-machine.ts'

export interface Reboot {
  readonly machine: string
  /** `/proc/sys/kernel/random/boot_id` */
  readonly bootIdBefore: string
  readonly bootIdAfter: string
  /** From the order to reboot until SSH answered from the new boot. */
  readonly sshSeconds: number
}

/** @throws UsageError naming the guests that are no machines of their own: they run on their hypervisor's kernel */
export async function refuseSharedKernels(vms: readonly VirtualMachine[]): Promise<void> {
  const shared = await together(
    vms.map(async (vm) => {
      const [own, below] = await together([bootId(vm.ssh), bootId(vm.hypervisor.ssh)])
      return own === below ? [vm.name] : []
    }),
  )
  const names = shared.flat()
  if (names.length === 0) return
  throw new UsageError(
    `--reboot: ${names.join(', ')} cannot be rebooted, as they share the kernel of their hypervisors (namespace guests); ` +
      'leave --reboot out, or use guests that are VMs (`dpbench lab up --guests qemu`)',
  )
}

/** sync first: what the guest was told just before is to survive. */
const order = shell('sync; systemctl reboot 2>/dev/null || reboot')

/**
 * Reboots `vm` and connects to it again; the connection that it had is closed.
 * @throws CommandError when it refuses; WaitError when it is not back, with another boot id, at the deadline
 */
export async function reboot(
  vm: VirtualMachine,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly vm: VirtualMachine; readonly reboot: Reboot }> {
  const bootIdBefore = await bootId(vm.ssh)
  const started = performance.now()
  const deadline = started + options.timeoutMs
  // the connection may go before the answer comes: the boot id tells
  const told = await vm.ssh
    .tryRun(order, { timeoutMs: 20_000, signal: options.signal })
    .catch(() => undefined)
  if (told && !told.timedOut && told.exitCode !== null && told.exitCode !== 0) throw new CommandError(told)
  await vm.ssh.close()
  let seen = 'no answer yet'
  for (;;) {
    options.signal?.throwIfAborted()
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) break
    let again: VirtualMachine | undefined
    try {
      again = await VirtualMachine.connect(vm.ssh.address, vm.hypervisor, vm.data, {
        signal: options.signal,
        timeoutMs: leftMs,
      })
      const bootIdAfter = await bootId(again.ssh)
      if (bootIdAfter !== bootIdBefore) {
        const sshSeconds = (performance.now() - started) / 1000
        return { vm: again, reboot: { machine: vm.name, bootIdBefore, bootIdAfter, sshSeconds } }
      }
      seen = `it answers from the boot ${bootIdBefore}, which was to end`
    } catch (error) {
      seen = describeError(error)
    }
    await again?.ssh.close()
    await delay(Math.min(500, Math.max(0, leftMs)), undefined, { signal: options.signal })
  }
  throw new WaitError(
    `${vm.name} was not back from its reboot within ${options.timeoutMs / 1000} s (${seen}); look at its console ` +
      `(\`virsh console\` on ${vm.hypervisor.name}), or raise "boot_timeout_seconds" of "libvirt" in the config`,
  )
}
