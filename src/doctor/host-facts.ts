/** What a hypervisor is like, as the checks judge it. Gathered in a few commands; see `host-script.ts`. */

export interface HostFacts {
  readonly access: AccessFacts
  readonly system: SystemFacts
  readonly libvirt: LibvirtFacts
  readonly docker: DockerFacts
}

export interface AccessFacts {
  /** Of the login user. */
  readonly user: string
  readonly groups: readonly string[]
  /** Whether commands as root worked; otherwise what sudo said. */
  readonly root: true | string
  /** A TCP connection through sshd to its own port: `true`, or why not. */
  readonly tcpForwarding: true | string
  /** The same to a Unix socket that listens; `undefined` where none is known that the user may open. */
  readonly socketForwarding: true | string | undefined
  /** The host's clock minus the controller's, seconds, and how far that may be off. */
  readonly clock: { readonly offsetSeconds: number; readonly uncertaintySeconds: number }
}

export interface HugepagePool {
  readonly sizeKib: number
  readonly total: number
  readonly free: number
  /** By NUMA node. */
  readonly nodes: readonly { readonly node: number; readonly total: number; readonly free: number }[]
}

export interface CardFacts {
  /** `undefined` where there is no such PCI device. */
  readonly driver?: string
  readonly totalVfs?: number
  readonly vfs?: number
  /** `switchdev` or `legacy`; `undefined` where devlink does not say. */
  readonly eswitch?: string
  readonly numaNode?: number
  /** Its network devices and their MTU. */
  readonly netdevs: readonly { readonly name: string; readonly mtu: number }[]
}

export interface SystemFacts {
  /** Whether all of it was told: a mount or a device that hangs ends it early. */
  readonly complete: boolean
  readonly os: { readonly name: string; readonly id: string; readonly like: readonly string[] }
  readonly kernel: string
  /** Whether systemd runs it. */
  readonly systemd: boolean
  /** By program: its path, where it is there. */
  readonly programs: Readonly<Record<string, string>>
  readonly versions: Readonly<Record<string, string>>
  readonly hugepages: { readonly defaultKib: number; readonly pools: readonly HugepagePool[] }
  /** Folders where hugetlbfs is mounted. */
  readonly hugetlbfs: readonly string[]
  readonly iommuGroups: number
  /** By PCI address. */
  readonly cards: Readonly<Record<string, CardFacts>>
  readonly representors: readonly {
    readonly netdev: string
    /** As the kernel names the port: `pf0vf2`. */
    readonly port: string
    /** The PCI device that it belongs to, where the kernel says. */
    readonly card?: string
  }[]
  readonly kvm: boolean
  readonly ipForward: boolean
  /** The ruleset as `nft -j` prints it; `undefined` where there is no nft, and the message where it fails. */
  readonly nft?: { readonly ruleset: unknown } | { readonly error: string }
  readonly mounts: readonly { readonly folder: string; readonly options: readonly string[] }[]
  /** Where images go. `undefined` where it could not be told. */
  readonly imageFreeBytes: number | undefined
  /** By CPU's file. */
  readonly governors: Readonly<Record<string, string>>
  readonly netdevs: Readonly<Record<string, { readonly mtu: number; readonly bridge: boolean }>>
  /** `undefined` where it is not there. */
  readonly dpserviceConf?: string
  /** systemd's units of the daemons: `active`, `inactive`, …; only those that it knows. */
  readonly units: Readonly<Record<string, string>>
  /** Destinations of its IPv4 routes, `192.168.122.0/24`. */
  readonly routes: readonly string[]
}

export interface LibvirtFacts {
  /** What `virsh version` says; otherwise why it does not. */
  readonly answer: { readonly version: string } | { readonly error: string }
  /** The network that the config names. */
  readonly network?: {
    readonly uuid: string
    readonly active: boolean
    readonly autostart: boolean
    readonly dhcp: boolean
    readonly bridge?: string
    /** `nat`, `route`, …; `undefined` for one that leads nowhere. */
    readonly forward?: string
  }
  /** Whether the dnsmasq that libvirt started for it still runs; `undefined` where libvirt keeps no note of it. */
  readonly dnsmasq?: 'serves' | 'ended'
  readonly networks: readonly string[]
  readonly running: readonly string[]
  /** Whether it can run domains of the config's type and machine; otherwise what it says. */
  readonly domainType?: true | string
}

export interface DockerFacts {
  /** The file at `/var/run/docker.sock`. */
  readonly socket: 'missing' | 'not ours' | 'ours'
  /** The group that may use it. */
  readonly group: string
  /** Whether a process listens there. */
  readonly listening: boolean
  readonly engine:
    | {
        readonly version: string
        /** Where it stores. */
        readonly root: string
        readonly freeBytes: number | undefined
      }
    | { readonly error: string }
}
