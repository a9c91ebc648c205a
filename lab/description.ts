/** A lab that is up, as its users see it. Also what its state file keeps. */
import type { DataplaneKind, GuestKind } from './options.ts'

export interface LabDescription {
  readonly name: string
  readonly tag: string
  readonly guests: GuestKind
  /** Left out for softplane. */
  readonly dataplane?: Exclude<DataplaneKind, 'softplane'>
  readonly folder: string
  /** The lab's config, in the format of any other site. */
  readonly configFile: string
  readonly keyFile: string
  readonly publicKeyFile: string
  /** The management network, for example `198.18.7.0/24`. The machine itself has its first address. */
  readonly managementNetwork: string
  readonly controller: {
    readonly address: string
    /** The controller's own Docker engine; it uses the machine's network and nothing of the machine's Docker. */
    readonly dockerSocket: string
  }
  /** `address:port`, the same from the controller and from every hypervisor. */
  readonly registry: string
  /** The data plane's image in that registry, when a builder was given. */
  readonly image?: string
  readonly hypervisors: readonly HypervisorDescription[]
}

export interface HypervisorDescription {
  readonly name: string
  readonly address: string
  readonly port: number
  /** As in a known_hosts file: `ssh-ed25519 AAAA…`. */
  readonly hostKey: string
  readonly vms: readonly VmDescription[]
}

export interface VmDescription {
  readonly name: string
  /** The bridge where the VM's data NIC and the data plane's port meet. */
  readonly bridge: string
  /** Only for namespace guests: qemu guests are made by provisioning. */
  readonly guest?: GuestDescription
}

export interface GuestDescription {
  /** Its lease on the hypervisor's management network. */
  readonly address: string
  /** Of its management NIC, `eth0`. */
  readonly macAddress: string
  /** Of its data NIC, `eth1`. */
  readonly dataMacAddress: string
  readonly hostKey: string
}
