/** A VM of the config, connected through its hypervisor, with what the data plane is to know of it. */
import { ConfigError, MachineError } from '../core/errors.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { type ConnectOptions, connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { AttendedGuest } from './attended-guest.ts'
import { bootId, dataLink, guestLinks } from './guest-network.ts'
import type { Hypervisor } from './hypervisor.ts'
import { DataLink } from './link.ts'
import { isRunning, ownDomain } from './own-domain.ts'
import { type BootProof, Power } from './power.ts'
import type { RecordChange } from './put-back.ts'
import { type TimedOptions, usualTimeoutMs } from './reachable.ts'

/** The VM's side of the data plane. */
export interface DataInterface {
  readonly ipv4?: string | undefined
  readonly ipv6?: string | undefined
  /** The VM's virtual network identifier. */
  readonly vni: number
  /** The MAC address of the *management* NIC: the data NIC is the other one. */
  readonly managementMac?: string | undefined
  /** The bridge on the hypervisor that the data NIC is plugged into, where it is no VF. */
  readonly bridge?: string | undefined
  /** The data plane's own port in that bridge. */
  readonly netdev?: string | undefined
}

export type Family = 'ipv4' | 'ipv6'

/** What whoever opened the environment does for its VMs. */
export interface VmServices {
  /** Writes down how a change is put back, before it is made. */
  readonly recordChange: RecordChange
  /** From power-on to SSH. */
  readonly bootTimeoutMs: number
  /** Makes a fresh boot ready for traffic. */
  readonly prepare?: (vm: VirtualMachine) => Promise<void>
  /** Waits for the data NIC's addresses after its cable was out. */
  readonly leaseBack?: (vm: VirtualMachine) => Promise<void>
}

export class VirtualMachine extends AttendedGuest {
  readonly name: string
  readonly hypervisor: Hypervisor
  readonly data: DataInterface
  private current: SshHost
  private services: VmServices | undefined
  private readonly power: Power
  private readonly link: DataLink
  private reconnecting: Promise<SshHost> | undefined
  /** Booted while its cable was out. */
  private unprepared = false

  constructor(ssh: SshHost, hypervisor: Hypervisor, data: DataInterface) {
    super()
    this.name = ssh.name
    this.current = ssh
    this.hypervisor = hypervisor
    this.data = data
    this.power = new Power(this)
    this.link = new DataLink(this)
  }

  /**
   * Connects through the hypervisor's connection; no route to the VM is needed.
   * @throws HostKeyError, ConnectionError
   */
  static async connect(
    address: HostAddress,
    hypervisor: Hypervisor,
    data: DataInterface,
    options: ConnectOptions = {},
  ): Promise<VirtualMachine> {
    return new VirtualMachine(
      await connectHost(address, { ...options, via: hypervisor.ssh }),
      hypervisor,
      data,
    )
  }

  get ssh(): SshHost {
    return this.current
  }

  get address(): HostAddress {
    return this.current.address
  }

  get connected(): boolean {
    return this.current.connected
  }

  get bootTimeoutMs(): number {
    return this.services?.bootTimeoutMs ?? 180_000
  }

  /** The VM's address that traffic goes to. @throws ConfigError when the config has none of this family */
  overlayAddress(family: Family): string {
    const address = this.data[family]
    if (address !== undefined) return address
    throw new ConfigError(
      `${this.name} has no "${family}" in its if_config: write it there, or measure the other family`,
    )
  }

  /** The name of its data NIC: the one that is not the management NIC. @throws DpbenchError when there are several, or none */
  async dataNic(): Promise<string> {
    return dataLink(this.name, await guestLinks(this.ssh), this.data.managementMac).ifname
  }

  /**
   * Switches the VM on and waits until SSH answers (`timeoutMs`; the config's `boot_timeout_seconds`) and it is ready for
   * traffic again. A VM that runs stays as it is.
   * @throws MachineError when it is no libvirt domain of ours, WaitError at the deadline
   */
  start(options?: TimedOptions): Promise<void> {
    return this.step('start', () => this.power.start(options))
  }

  /**
   * Ends the VM's system in an orderly way and waits until it is off. It is started again when the test ends.
   * @throws MachineError when it is no libvirt domain of ours, WaitError when it still runs at the deadline
   */
  shutdown(options?: TimedOptions): Promise<void> {
    return this.step('shut down', () => this.power.shutdown(options))
  }

  /** Takes the power away, as a failing supply does. It is started again when the test ends. @throws MachineError */
  crash(): Promise<void> {
    return this.step('crash', () => this.power.crash())
  }

  /**
   * Reboots the VM's system, and proves by its boot id that another boot answers; a VM that is off is started.
   * @throws MachineError when it shares its hypervisor's kernel, CommandError when it refuses, WaitError at the deadline
   */
  reboot(options?: TimedOptions): Promise<BootProof> {
    return this.step('reboot', () => this.power.reboot(options))
  }

  /**
   * Takes the data NIC's link away; the management NIC, and with it SSH, stays. Undone when the test ends.
   * @throws MachineError when its data NIC cannot be told
   */
  block(): Promise<void> {
    return this.step('block', () => this.link.block())
  }

  /** Gives the link back and waits until the data NIC has its addresses again. Nothing where it is there. @throws MachineError */
  unblock(): Promise<void> {
    return this.step('unblock', () => this.link.unblock())
  }

  /**
   * The connection, made anew when it was lost: a VM that rebooted by itself is found again.
   * @throws MachineError at once when the VM is off, ConnectionError at the deadline
   */
  override async connection(timeoutMs = usualTimeoutMs): Promise<SshHost> {
    if (this.current.connected) return this.current
    await this.refuseOff()
    return this.reconnect({ timeoutMs, signal: this.signal })
  }

  /** Closes the connection that there is, and makes another. @throws HostKeyError, ConnectionError */
  reconnect(options: Pick<ConnectOptions, 'timeoutMs' | 'signal'>): Promise<SshHost> {
    this.reconnecting ??= this.connectAgain(options).finally(() => (this.reconnecting = undefined))
    return this.reconnecting
  }

  private async connectAgain(options: Pick<ConnectOptions, 'timeoutMs' | 'signal'>): Promise<SshHost> {
    await this.current.close()
    this.current = await connectHost(this.address, { ...options, via: this.hypervisor.ssh })
    return this.current
  }

  private async refuseOff(): Promise<void> {
    const domain = await ownDomain(this).catch(() => undefined) // what is not ours may be up, and then answers
    if (domain && !(await isRunning(this)))
      throw new MachineError(`${this.name} is shut off; ${this.name}.start() switches it on`)
  }

  /**
   * After its connection was lost: whether it is off, or has booted since. It is waited for where its domain runs, as whatever is
   * to be put back in it needs it too; `undefined` for the boot that it was, and for what is no domain of ours.
   * @throws ConnectionError when it does not come back
   */
  async whatBecame(bootBefore: string): Promise<string | undefined> {
    if (!(await ownDomain(this))) return undefined
    if (!(await isRunning(this))) return 'was switched off'
    const ssh = await this.reconnect({ timeoutMs: this.bootTimeoutMs, signal: this.signal })
    return (await bootId(ssh)) === bootBefore ? undefined : 'rebooted'
  }

  /** What the environment does for the VM from now on. */
  serve(services: VmServices): void {
    this.services = services
  }

  recordChange: RecordChange = (what, undo) => {
    if (this.services) return this.services.recordChange(what, undo)
    throw new MachineError(
      `${what} cannot be changed: ${this.name} was connected without an environment, so nothing would put it back after a crash`,
    )
  }

  async afterBoot(): Promise<void> {
    this.unprepared = this.link.blocked
    if (this.unprepared) await this.link.block() // a domain is started with its cables in
    else await this.services?.prepare?.(this)
  }

  async afterUnblock(): Promise<void> {
    const { services, unprepared } = this
    this.unprepared = false
    await (unprepared ? services?.prepare?.(this) : services?.leaseBack?.(this))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.current.close()
  }
}
