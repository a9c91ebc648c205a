/** A VM of the config, connected through its hypervisor, with what the data plane is to know of it. */
import { ConfigError } from '../core/errors.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { type ConnectOptions, connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { dataLink, guestLinks } from './guest-network.ts'
import type { Hypervisor } from './hypervisor.ts'

/** The VM's side of the data plane. */
export interface DataInterface {
  readonly ipv4?: string | undefined
  readonly ipv6?: string | undefined
  /** On its hypervisor, where the data NIC is plugged into one. */
  readonly bridge?: string | undefined
  /** The VM's virtual network identifier. */
  readonly vni: number
  /** The MAC address of the *management* NIC: the data NIC is the other one. */
  readonly managementMac?: string | undefined
}

export type Family = 'ipv4' | 'ipv6'

export class VirtualMachine implements AsyncDisposable {
  readonly name: string
  readonly hypervisor: Hypervisor
  readonly ssh: SshHost
  readonly data: DataInterface

  constructor(ssh: SshHost, hypervisor: Hypervisor, data: DataInterface) {
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.ssh.close()
  }
}
