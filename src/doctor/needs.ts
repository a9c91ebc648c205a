/** What a config asks of one of its hypervisors, apart from what every hypervisor must have. Pure. */
import {
  type BenchConfig,
  type HypervisorConfig,
  formatPciAddress,
  parsePciAddress,
} from '../config/index.ts'

export interface HypervisorNeeds {
  readonly name: string
  /** Without a data plane of dpbench's, nothing of what dpservice needs is. */
  readonly dataplane: 'dpservice' | 'none'
  readonly user: string
  readonly keyFile: string
  /** Whether commands go through `sudo -n`. */
  readonly sudo: boolean
  readonly domainType: 'kvm' | 'qemu'
  readonly machine: string
  readonly network: string
  readonly imageFolder: string
  /** Of its VMs, which libvirt's documents are about. */
  readonly vms: readonly string[]
  readonly hugepages: HugepageNeeds
  readonly cards: readonly CardNeeds[]
  /** dpservice.conf, as the hypervisor has it; or why none is read. */
  readonly dpserviceConf: { readonly file: string } | { readonly none: string }
  /** Bridges that VMs are plugged into: nothing else is in them. */
  readonly vmBridges: readonly string[]
  /** Bridges that the data plane's own ports are put into: they lead to the other hypervisors. */
  readonly underlayBridges: readonly string[]
  /** What the underlay must carry in one packet, bytes: the guests' MTU and the tunnel's header. */
  readonly underlayMtu: number
}

export interface HugepageNeeds {
  /** Of dpservice: MiB where its arguments say so; `some` where they leave it to DPDK; or why it uses none. */
  readonly dataplane:
    | {
        readonly mib: number | 'some'
        /** Where the hypervisor has the hugetlbfs that is mounted into the container. */
        readonly folder?: string
      }
    | { readonly none: string }
  /** Of each VM that does not run yet, MiB; 0 where VMs use none. */
  readonly mibPerVm: number
}

/** A SmartNIC's physical function, and which of its VFs the VMs are given. */
export interface CardNeeds {
  readonly address: string
  readonly vfs: readonly { readonly index: number; readonly vm: string }[]
}

export function needsOf(config: BenchConfig, hypervisor: HypervisorConfig): HypervisorNeeds {
  const { libvirt } = config
  const { dpservice, vms } = hypervisor
  return {
    name: hypervisor.name,
    dataplane: config.dataplane ?? 'dpservice',
    user: hypervisor.user,
    keyFile: config.keyFile,
    sudo: hypervisor.sudo,
    domainType: libvirt.domainType,
    machine: libvirt.machine,
    network: libvirt.network,
    imageFolder: libvirt.imageFolder,
    vms: vms.map(({ name }) => name),
    hugepages: {
      dataplane:
        config.dataplane === 'none' ? { none: 'no data plane is deployed' } : dataplaneHugepages(hypervisor),
      mibPerVm: libvirt.hugepages ? libvirt.memoryMib : 0,
    },
    cards: cardsOf(hypervisor),
    dpserviceConf: config.dataplane === 'none' ? { none: 'no data plane is deployed' } : confOf(hypervisor),
    vmBridges: [...new Set(vms.flatMap(({ bridge }) => (bridge === undefined ? [] : [bridge])))],
    underlayBridges: [...new Set(dpservice.attach.map(({ bridge }) => bridge))],
    underlayMtu: guestMtu(dpservice.arguments) + tunnelHeader,
  }
}

/** IPv4 or IPv6 in IPv6. */
const tunnelHeader = 40

/** dpservice's `--dhcp-mtu`: at most 1500, which is what guests get without it. */
function guestMtu(args: readonly string[]): number {
  return Number(argumentOf(args, '--dhcp-mtu') ?? 1500)
}

function dataplaneHugepages({ dpservice }: HypervisorConfig): HugepageNeeds['dataplane'] {
  const { ealArguments: eal, mounts } = dpservice
  if (eal.includes('--no-huge')) return { none: 'dpservice runs with --no-huge' }
  const inMemory = eal.includes('--in-memory')
  const folder = mounts.map((mount) => mount.split(':')[0]!).find((mount) => mount.includes('huge'))
  if (folder === undefined && !inMemory)
    return { none: "no hugetlbfs is among the mounts of dpservice's container" }
  const perSocket = argumentOf(eal, '--socket-mem') ?? argumentOf(eal, '--numa-mem')
  const mib = argumentOf(eal, '-m')?.split(',').map(Number) ?? perSocket?.split(',').map(Number)
  return {
    mib: mib ? mib.reduce((sum, each) => sum + each, 0) : 'some',
    ...(folder !== undefined && { folder }),
  }
}

/** `-m 320`, `-m320`, `--socket-mem 1,2` or `--socket-mem=1,2`. */
function argumentOf(args: readonly string[], name: string): string | undefined {
  for (const [index, argument] of args.entries()) {
    if (argument === name) return args[index + 1]
    if (argument.startsWith(`${name}=`)) return argument.slice(name.length + 1)
    if (!name.startsWith('--') && argument.startsWith(name) && /^\d/.test(argument.slice(name.length)))
      return argument.slice(name.length)
  }
  return undefined
}

function cardsOf({ vms }: HypervisorConfig): CardNeeds[] {
  const cards = new Map<string, { index: number; vm: string }[]>()
  for (const { name, pciAddress } of vms) {
    const representor = pciAddress === undefined ? undefined : parsePciAddress(pciAddress)
    if (!representor) continue
    const address = formatPciAddress(representor.physicalFunction)
    const vfs = cards.get(address) ?? []
    cards.set(address, [...vfs, { index: representor.vfIndex, vm: name }])
  }
  return [...cards].map(([address, vfs]) => ({ address, vfs }))
}

const usualConf = '/run/dpservice/dpservice.conf'

/** `DP_CONF` is a path in the container: the mounts say where that is on the hypervisor. */
function confOf({ dpservice, vms }: HypervisorConfig): HypervisorNeeds['dpserviceConf'] {
  const { environment, mounts } = dpservice
  const inside = environment['DP_CONF'] ?? usualConf
  if (inside === '') return { none: 'DP_CONF is empty in the config, so dpservice reads no file' }
  if (!vms.some(({ pciAddress }) => pciAddress !== undefined))
    return { none: 'no VM of this hypervisor has a pci_addr, so there is no card to describe' }
  for (const mount of mounts) {
    const [host = '', container = host] = mount.split(':')
    if (inside.startsWith(`${container}/`)) return { file: host + inside.slice(container.length) }
  }
  return { none: `${inside} lies in no mount of dpservice's container, so it is the image's own` }
}
