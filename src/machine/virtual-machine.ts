/** A VM of the config, connected through its hypervisor, with what the data plane is to know of it. */
import type { HostAddress } from '../transport/ssh/address.ts'
import { type ConnectOptions, connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { AttendedGuest } from './attended-guest.ts'
import type { Hypervisor } from './hypervisor.ts'

/** The VM's side of the data plane. */
export interface DataInterface {
  readonly ipv4: string
  readonly ipv6: string
  /** The VM's virtual network identifier. */
  readonly vni: number
  /** The MAC address of the *management* NIC: the data NIC is the other one. */
  readonly managementMac?: string | undefined
}

export type Family = 'ipv4' | 'ipv6'

export class VirtualMachine extends AttendedGuest implements AsyncDisposable {
  readonly name: string
  readonly hypervisor: Hypervisor
  readonly ssh: SshHost
  readonly data: DataInterface

  constructor(ssh: SshHost, hypervisor: Hypervisor, data: DataInterface) {
    super()
    this.name = ssh.name
    this.ssh = ssh
    this.hypervisor = hypervisor
    this.data = data
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

  /** The VM's address in the overlay. */
  overlayAddress(family: Family): string {
    return this.data[family]
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.ssh.close()
  }
}
