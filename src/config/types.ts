/** The loaded config: one deeply frozen object. Units are in the names; throughput is in Gbit/s. */

/** `offload` is `hw` in the file: flows run in the NIC. `non-offload` is `sw`: every packet passes the software path. */
export type Mode = 'offload' | 'non-offload'

/** What a run works in: a mode of the data plane, or `plain` where dpbench deploys none. */
export type RunMode = Mode | 'plain'

/** By the modes that the config's data plane has. */
export type ByMode<T> = Readonly<Record<Mode, T>> & { readonly plain?: T }

export interface BenchConfig {
  /** Names the environment: the file's base name (its folder's for `config.json` and `working.json`), plus `.NAME` for a named config. */
  readonly name: string
  /** Absolute. */
  readonly sourceFile: string
  /** The private key for hypervisors and VMs, or a public one whose private half is in the ssh-agent. Absolute. */
  readonly keyFile: string
  /** Its public key, which provisioning puts into the VMs. Absolute. */
  readonly publicKeyFile: string
  /** Absent: dpservice, which a run deploys. */
  readonly dataplane?: 'none'
  readonly defaultDpserviceImage?: string
  /** The controller's Docker engine, as `docker --host` takes it. Default: as the docker program finds it. */
  readonly dockerHost?: string
  readonly concurrentFlowCount: number
  readonly expectedThroughput: ByMode<ExpectedThroughput>
  /** What figures beside throughput must reach or must not exceed, by the names that suites ask for. */
  readonly expected: ByMode<Readonly<Record<string, FigureExpectation>>>
  readonly measurement: MeasurementProfile
  /** What is known to fail. */
  readonly quarantine?: readonly QuarantineEntry[]
  readonly libvirt: LibvirtConfig
  readonly hypervisors: readonly HypervisorConfig[]
  readonly loadBalancer?: LoadBalancerConfig
}

/** Gbit/s; what is not there is not yet known. `nat` is `remote_vm2vm` where the file does not say otherwise. The keys name the scenario, as in the file. */
export interface ExpectedThroughput {
  readonly local_vm2vm?: number
  readonly remote_vm2vm?: number
  readonly nat?: number
  readonly lb?: number
}

/** One of `test` and `scenario`; without a mode it is for both. */
export interface QuarantineEntry {
  readonly test?: string
  readonly scenario?: keyof ExpectedThroughput
  readonly mode?: Mode
  /** Where it is tracked: a web address. */
  readonly issue: string
  /** The last day of it, YYYY-MM-DD, UTC. */
  readonly until: string
  readonly reason?: string
}

export interface FigureExpectation {
  readonly bound: 'at_least' | 'at_most'
  /** In `unit`, a base unit: `fraction` for percent, seconds for milliseconds. */
  readonly value: number
  readonly unit: 'bit/s' | 's' | 'packets/s' | 'transactions/s' | 'packets' | 'fraction'
}

export interface HypervisorConfig {
  readonly name: string
  readonly role?: string
  readonly address: string
  readonly user: string
  readonly port: number
  /** Commands that need root go through `sudo -n`. Default: when `user` is not root. */
  readonly sudo: boolean
  /** `ssh-ed25519 AAAA…` (also read from the file that the config names) or `SHA256:…`. */
  readonly hostKey?: string
  readonly dpservice: DpserviceConfig
  readonly vms: readonly VmConfig[]
}

export interface VmConfig {
  readonly name: string
  /** The name of its hypervisor. */
  readonly hypervisor: string
  /** Both are there with dpservice; one of them at least without a data plane. */
  readonly ipv4?: string
  readonly ipv6?: string
  readonly vni: number
  /** A VF's representor as dpservice names it: `0000:8a:00.0_representor_vf2`. Without it: `bridge` and `device`. */
  readonly pciAddress?: string
  /** The bridge on the hypervisor that the VM's data NIC is plugged into. */
  readonly bridge?: string
  /** The data plane's name of the port that serves the VM, given to `create interface --device`. */
  readonly device?: string
  /** The network device of that port on the hypervisor. */
  readonly netdev?: string
  readonly nat?: { readonly ip: string; readonly ports: readonly [min: number, max: number] }
  /** Where SSH reaches it from its hypervisor; known after provisioning. */
  readonly address?: string
  /** Of its management NIC. */
  readonly macAddress?: string
  /** As on a hypervisor. Pinned at provisioning. */
  readonly hostKey?: string
}

export interface DpserviceConfig {
  readonly ealArguments: readonly string[]
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly privileged: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly noNewPrivileges: boolean
  readonly devices: readonly string[]
  /** Docker bind mounts, `host:container[:options]`. */
  readonly mounts: readonly string[]
  /** Network devices of the data plane to be put into bridges once it runs. */
  readonly attach: readonly {
    readonly netdev: string
    readonly bridge: string
    readonly macAddress?: string
    readonly offloadsOff: readonly string[]
    readonly neighbours: readonly {
      readonly address: string
      readonly macAddress: string
      readonly router: boolean
    }[]
  }[]
  /** Default `dpservice_<hypervisor name>`. */
  readonly containerName?: string
}

export interface MeasurementProfile {
  /** `custom` when the file overrides a number of a profile. */
  readonly name: 'quick' | 'default' | 'release' | 'custom'
  readonly keptSeconds: number
  readonly warmUpSeconds: number
  readonly warmDownSeconds: number
  readonly repetitions: { readonly min: number; readonly max: number }
  readonly gapSeconds: number
  /** Coefficient of variation above which a result is unstable; a fraction, 0.05 is 5 %. */
  readonly maxCov: number
  /** What a verdict becomes when the data plane cannot prove its mode. */
  readonly onUnprovenMode: 'note' | 'invalid'
}

export interface LibvirtConfig {
  readonly domainType: 'kvm' | 'qemu'
  readonly machine: string
  readonly cpu: {
    readonly mode: 'host-passthrough' | 'host-model' | 'maximum' | 'custom'
    /** For `custom` alone. */
    readonly model?: string
    readonly disabledFeatures: readonly string[]
  }
  readonly vcpus: number
  readonly memoryMib: number
  /** By VM name: for each vCPU in turn, the host CPUs it may run on, in libvirt's cpuset notation. */
  readonly pinning: Readonly<Record<string, readonly string[]>>
  /** By VM name: the host NUMA node that its memory comes from. */
  readonly numa: Readonly<Record<string, number>>
  readonly hugepages: boolean
  /** Whether the VMs have a VGA screen. */
  readonly video: boolean
  /** The libvirt network of the management NIC. */
  readonly network: string
  /** Folder of dpbench on the hypervisor for images, overlays and logs. */
  readonly imageFolder: string
  /** From power-on to an SSH login. */
  readonly bootTimeoutSeconds: number
  /** Where the hash of a console password comes from; without it no password works. */
  readonly consolePassword?: { readonly hashFile: string } | { readonly hashVariable: string }
}

export interface LoadBalancerConfig {
  readonly name: string
  readonly ip: string
  readonly ports: readonly { readonly protocol: 'TCP' | 'UDP'; readonly port: number }[]
  readonly vni: number
  /** Names of the hypervisors that hold it. */
  readonly nodes: readonly string[]
  /** Names of the VMs behind it. */
  readonly machines: readonly string[]
}
