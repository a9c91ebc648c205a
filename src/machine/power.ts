/**
 * The power of a VM that is a libvirt domain of ours. Each operation may be called again, and does nothing when the machine is in
 * that state already. One that is off when its test ends is started again: the next test finds the machines as they were.
 */
import pLimit from 'p-limit'
import { z } from 'zod'
import { MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { waitFor } from '../core/wait.ts'
import { Virsh } from '../transport/libvirt/virsh.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { connectHost } from '../transport/ssh/connect.ts'
import { bootId } from './guest-network.ts'
import type { Hypervisor } from './hypervisor.ts'
import { type DomainOwner, isRunning, ownDomain, requireDomain } from './own-domain.ts'
import type { PutBacks, RecordChange } from './put-back.ts'
import type { TimedOptions } from './reachable.ts'
import { type BootOptions, type Rebootable, nextBoot, reboot, sharesKernel, tell } from './reboot.ts'

/** A VM as its power needs it. */
export interface PoweredMachine extends DomainOwner, Rebootable {
  readonly signal?: AbortSignal | undefined
  readonly connected: boolean
  /** From power-on to SSH. */
  readonly bootTimeoutMs: number
  readonly putBacks: PutBacks
  readonly recordChange: RecordChange
  /** Makes a fresh boot what a test found. */
  afterBoot(): Promise<void>
}

/** A boot that ended and the one that answers now. */
export interface BootProof {
  /** `/proc/sys/kernel/random/boot_id`; `undefined` when the machine was off, or hung. */
  readonly bootIdBefore: string | undefined
  readonly bootIdAfter: string
  /** From the order until SSH answered from the new boot. */
  readonly sshSeconds: number
}

const putBackKey = 'power'

export class Power {
  private readonly vm: PoweredMachine
  /** One after the other: a start during a shutdown is a start after it. */
  private readonly limit = pLimit(1)
  private lastBoot: string | undefined
  private record: { done(): Promise<void> } | undefined

  constructor(vm: PoweredMachine) {
    this.vm = vm
  }

  start(options: TimedOptions = {}): Promise<void> {
    return this.limit(async () => {
      await requireDomain(this.vm, 'it has no power to be switched on')
      await this.startNow(options)
    })
  }

  shutdown(options: TimedOptions = {}): Promise<void> {
    return this.limit(async () => {
      await requireDomain(this.vm, 'it has no power to be switched off')
      if (!(await isRunning(this.vm))) return
      await this.aboutToEnd()
      await this.pressOff()
      const { timeoutMs = this.vm.bootTimeoutMs } = options
      await waitFor(
        async () =>
          (await isRunning(this.vm))
            ? { state: 'pending', seen: 'it runs' }
            : { state: 'ready', value: undefined },
        {
          what: `${this.vm.name} to shut down (crash() takes its power away)`,
          timeoutMs,
          signal: this.vm.signal,
        },
      )
    })
  }

  crash(): Promise<void> {
    return this.limit(async () => {
      await requireDomain(this.vm, 'it has no power to be taken away')
      if (!(await isRunning(this.vm))) return
      await this.aboutToEnd()
      await new Virsh(this.vm.hypervisor.ssh).destroy(this.vm.name)
      await this.vm.ssh.close()
    })
  }

  reboot(options: TimedOptions = {}): Promise<BootProof> {
    return this.limit(async () => {
      const { vm } = this
      if ((await ownDomain(vm)) && !(await isRunning(vm))) return this.startNow(options)
      const boot = this.bootOptions(options)
      const host = vm.connected ? vm.ssh : await vm.reconnect(boot)
      if (await sharesKernel(vm, host))
        throw new MachineError(
          `${vm.name} shares the kernel of ${vm.hypervisor.name} (a namespace guest of a lab), so it cannot be rebooted`,
        )
      const proof = await reboot(vm, boot)
      this.lastBoot = proof.bootIdAfter
      await vm.afterBoot()
      return proof
    })
  }

  private bootOptions({ timeoutMs = this.vm.bootTimeoutMs }: TimedOptions): BootOptions {
    return { timeoutMs, signal: this.vm.signal }
  }

  private async startNow(options: TimedOptions): Promise<BootProof> {
    const { vm } = this
    const started = performance.now()
    const running = await isRunning(vm)
    if (!running) await new Virsh(vm.hypervisor.ssh).start(vm.name)
    const answers = running && vm.connected ? await bootId(vm.ssh) : undefined
    const before = running ? undefined : this.lastBoot
    const bootIdAfter = answers ?? (await nextBoot(vm, before, this.bootOptions(options)))
    const fresh = this.lastBoot !== undefined && this.lastBoot !== bootIdAfter
    this.lastBoot = bootIdAfter
    if (!running || fresh) await vm.afterBoot()
    vm.putBacks.drop(putBackKey)
    await this.record?.done()
    this.record = undefined
    return { bootIdBefore: before, bootIdAfter, sshSeconds: (performance.now() - started) / 1000 }
  }

  /** Before the boot is ended: what is to be known and written down. */
  private async aboutToEnd(): Promise<void> {
    const { vm } = this
    // a machine that hangs is not asked for long: that it hangs may be why it is ended
    if (vm.connected) {
      const look = ['cat', '/proc/sys/kernel/random/boot_id']
      const told = await vm.ssh.tryRun(look, { timeoutMs: 5000 }).catch(() => undefined)
      if (told?.exitCode === 0) this.lastBoot = told.stdout.trim()
    }
    this.record ??= await vm.recordChange(`${vm.name}: its power, which a test switched off`, powerUndo(vm))
    vm.putBacks.add(putBackKey, () => this.start())
  }

  /** From within where it answers: not every guest listens to its power button. */
  private async pressOff(): Promise<void> {
    const { vm } = this
    if (vm.connected) await tell(vm, shell('sync; systemctl poweroff 2>/dev/null || poweroff'), vm.signal)
    else await new Virsh(vm.hypervisor.ssh).shutdown(vm.name)
  }
}

const undoSchema = z.object({
  guest: z.object({
    name: z.string(),
    address: z.string(),
    port: z.number(),
    user: z.string(),
    keyFile: z.string(),
    hostKey: z.string().optional(),
    sudo: z.boolean(),
  }),
  bootTimeoutMs: z.number(),
})

export const powerUndoKind = 'power'

function powerUndo({ address, bootTimeoutMs }: PoweredMachine): {
  kind: string
  guest: ReturnType<typeof plainAddress>
  bootTimeoutMs: number
} {
  return { kind: powerUndoKind, guest: plainAddress(address), bootTimeoutMs }
}

/** As the journal keeps it. */
export function plainAddress({ name, address, port, user, keyFile, hostKey, sudo = false }: HostAddress) {
  return { name, address, port, user, keyFile, sudo, ...(hostKey !== undefined && { hostKey }) }
}

/** Starts a domain of ours that a killed run left off, and waits until it answers: other undos are done inside of it. */
export async function undoPower(hypervisor: Hypervisor, data: unknown): Promise<string | void> {
  const { guest, bootTimeoutMs } = undoSchema.parse(data)
  const owner: DomainOwner = { name: guest.name, hypervisor, address: guest }
  let domain
  try {
    domain = await ownDomain(owner)
  } catch (error) {
    if (!(error instanceof MachineError)) throw error
    return error.message
  }
  if (!domain) return `${guest.name} is no domain of ${hypervisor.name} any more, and stays off`
  if (await isRunning(owner)) return
  await new Virsh(hypervisor.ssh).start(guest.name)
  await using ssh = await connectHost(guest, { via: hypervisor.ssh, timeoutMs: bootTimeoutMs })
  await bootId(ssh)
}
