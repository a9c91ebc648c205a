/** A new boot of a guest, proven by its boot id, with a new connection to it. */
import { setTimeout as delay } from 'node:timers/promises'
import { CommandError } from '../core/command-result.ts'
import { HostKeyError, UsageError, WaitError, describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { together } from '../core/together.ts'
import type { RemoteHost } from '../transport/host.ts'
import { bootId } from './guest-network.ts'
import { inSeconds } from './reachable.ts'

export interface Reboot {
  readonly machine: string
  /** `/proc/sys/kernel/random/boot_id` */
  readonly bootIdBefore: string
  readonly bootIdAfter: string
  /** From the order to reboot until SSH answered from the new boot. */
  readonly sshSeconds: number
}

export interface BootOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A guest whose connection can be made anew. */
export interface Rebootable {
  readonly name: string
  readonly hypervisor: { readonly name: string; readonly ssh: RemoteHost }
  readonly ssh: RemoteHost & { close(): Promise<void> }
  /** Closes the connection that there is, and makes another. @throws HostKeyError, ConnectionError */
  reconnect(options: BootOptions): Promise<RemoteHost>
}

/** Whether it is a machine of its own: a namespace guest has its hypervisor's boot id. */
export async function sharesKernel(vm: Rebootable, host: RemoteHost = vm.ssh): Promise<boolean> {
  const [own, below] = await together([bootId(host), bootId(vm.hypervisor.ssh)])
  return own === below
}

/** @throws UsageError naming the guests that are no machines of their own: they run on their hypervisor's kernel */
export async function refuseSharedKernels(vms: readonly Rebootable[]): Promise<void> {
  const shared = await together(vms.map(async (vm) => ((await sharesKernel(vm)) ? [vm.name] : [])))
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
 * Reboots `vm`, and connects to it again.
 * @throws CommandError when it refuses; WaitError when it is not back, with another boot id, at the deadline
 */
export async function reboot(vm: Rebootable, options: BootOptions): Promise<Reboot> {
  const bootIdBefore = await bootId(vm.ssh)
  const started = performance.now()
  await tell(vm, order, options.signal)
  const bootIdAfter = await nextBoot(vm, bootIdBefore, options)
  return { machine: vm.name, bootIdBefore, bootIdAfter, sshSeconds: (performance.now() - started) / 1000 }
}

/**
 * Tells a guest to end its boot, and closes the connection, which may go before the answer comes.
 * @throws CommandError when it refuses
 */
export async function tell(
  vm: Rebootable,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const told = await vm.ssh.tryRun(command, { timeoutMs: 20_000, signal }).catch(() => undefined)
  if (told && !told.timedOut && told.exitCode !== null && told.exitCode !== 0) throw new CommandError(told)
  await vm.ssh.close()
}

/**
 * Connects until another boot than `before` answers, and returns its id; without `before` any boot will do.
 * @throws HostKeyError at once, WaitError at the deadline
 */
export async function nextBoot(
  vm: Rebootable,
  before: string | undefined,
  { timeoutMs, signal }: BootOptions,
): Promise<string> {
  const deadline = performance.now() + timeoutMs
  let seen = 'no answer yet'
  for (;;) {
    signal?.throwIfAborted()
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) break
    try {
      const now = await bootId(await vm.reconnect({ timeoutMs: leftMs, signal }))
      if (now !== before) return now
      seen = `it answers from the boot ${before}, which was to end`
    } catch (error) {
      if (error instanceof HostKeyError) throw error
      seen = describeError(error)
    }
    await delay(Math.min(500, Math.max(0, leftMs)), undefined, { signal })
  }
  throw new WaitError(
    `${vm.name} was not up within ${inSeconds(timeoutMs)} (${seen}); look at its console ` +
      `(\`virsh console\` on ${vm.hypervisor.name}), or raise "boot_timeout_seconds" of "libvirt" in the config`,
  )
}
