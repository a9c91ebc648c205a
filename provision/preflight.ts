/**
 * What a hypervisor is like before anything is created on it. All that would end provisioning later is found here, on
 * every hypervisor, and told at once.
 */
import {
  formatPciAddress,
  parsePciAddress,
  virtualFunctionAddress,
  type PciAddress,
} from '../src/config/pci-address.ts'
import type { HypervisorConfig, VmConfig } from '../src/config/types.ts'
import { DpbenchError } from '../src/core/errors.ts'
import { shell } from '../src/core/shell-quote.ts'
import { requiredPrograms } from '../src/doctor/host-script.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import type { Domain } from '../src/transport/libvirt/documents.ts'
import { Virsh } from '../src/transport/libvirt/virsh.ts'
import { compressions, type Compression } from './compress.ts'
import { imagePlaces } from './places.ts'
import { placesOn } from './places-taken.ts'
import type { ProvisionRun } from './run.ts'

export interface HypervisorFacts {
  readonly hypervisor: HypervisorConfig
  /** As `uname -m` says it. */
  readonly architecture: string
  readonly compression: Compression
  readonly imageFolderThere: boolean
  readonly imageThere: boolean
  /** Whether it is marked as used by this environment: then an earlier run brought it, and answers for it. */
  readonly imageMarked: boolean
  /** Whether this environment's folder is there, with our label. */
  readonly folderThere: boolean
  /** By VM name: domains that this environment made. */
  readonly ownDomains: ReadonlyMap<string, Domain>
  readonly running: ReadonlySet<string>
  /** MAC addresses of everybody else. */
  readonly takenMacs: ReadonlySet<string>
  /** By VM name: the PCI address of its VF. */
  readonly virtualFunctions: ReadonlyMap<string, PciAddress>
  /** What would end provisioning; empty when nothing does. */
  readonly faults: readonly string[]
}

export async function inspectHypervisor(
  run: ProvisionRun,
  hypervisor: HypervisorConfig,
  host: RemoteHost,
): Promise<HypervisorFacts> {
  const faults: string[] = []
  const { libvirt } = run.config
  const options = { signal: run.signal }
  const output = async (argv: readonly string[]): Promise<string> =>
    (await host.run(argv, options)).stdout.trim()
  const holds = async (argv: readonly string[]): Promise<boolean> =>
    (await host.tryRun(argv, options)).exitCode === 0

  const missing = await output(
    shell('for one in "$@"; do command -v "$one" >/dev/null || echo "$one"; done', ...requiredPrograms),
  )
  if (missing !== '') {
    // without virsh nothing below can be asked
    const names = missing.split('\n').join(', ')
    throw new DpbenchError(
      `${hypervisor.name}: not installed: ${names}. Install libvirt, QEMU and GNU tar there (Debian: libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils).`,
    )
  }
  if (!(await output(['tar', '--version'])).includes('GNU tar'))
    faults.push(
      'its tar is not GNU tar, which alone unpacks the disk image without its holes: install GNU tar',
    )
  const architecture = await output(['uname', '-m'])
  const compression = compressions[0] === 'zstd' && (await holds(shell('command -v zstd'))) ? 'zstd' : 'gzip'

  const virsh = new Virsh(host, options)
  const refusal = await virsh.refusalOf(libvirt.domainType, libvirt.machine)
  if (refusal !== undefined) {
    const advice =
      libvirt.domainType === 'kvm'
        ? ' Without KVM (no /dev/kvm) write "libvirt": { "domain_type": "qemu" } in the config.'
        : ''
    faults.push(
      `it cannot run domains of type ${libvirt.domainType}, machine ${libvirt.machine}: ${refusal}.${advice}`,
    )
  }
  const networkMacs = await networkOf(virsh, libvirt.network, faults)
  await bridgesOf(hypervisor, holds, faults)
  const virtualFunctions = await virtualFunctionsOf(hypervisor, output, faults)
  const domains = await domainsOf(run, hypervisor, virsh, faults)

  const places = imagePlaces(libvirt.imageFolder, run.image, run.runId)
  const { imageThere, folderThere, faults: taken } = await placesOn(host, run, hypervisor)
  faults.push(...taken)
  await spaceFor(run, imageThere, output, faults)
  return {
    hypervisor,
    architecture,
    compression,
    imageFolderThere: await holds(['test', '-d', libvirt.imageFolder]),
    imageThere,
    imageMarked: await holds(['test', '-e', `${places.users}/${run.identity.id}`]),
    folderThere,
    ...domains,
    takenMacs: new Set([...domains.takenMacs, ...networkMacs]),
    virtualFunctions,
    faults: faults.map((fault) => `${hypervisor.name}: ${fault}`),
  }
}

async function networkOf(virsh: Virsh, name: string, faults: string[]): Promise<readonly string[]> {
  if (!(await virsh.networkNames('active')).includes(name)) {
    const known = (await virsh.networkNames()).includes(name)
    faults.push(
      known
        ? `the libvirt network "${name}" is not active: virsh net-start ${name}`
        : `there is no libvirt network "${name}" for the management NICs: define it, or write another in libvirt.network`,
    )
    return []
  }
  const network = await virsh.network(name)
  if (!network.hasDhcp)
    faults.push(
      `the libvirt network "${name}" has no DHCP, so a VM's address could not be found: choose one with <dhcp>`,
    )
  return network.hostMacAddresses
}

async function bridgesOf(
  hypervisor: HypervisorConfig,
  holds: (argv: readonly string[]) => Promise<boolean>,
  faults: string[],
): Promise<void> {
  for (const { name, bridge } of hypervisor.vms) {
    if (bridge === undefined || (await holds(['test', '-d', `/sys/class/net/${bridge}/bridge`]))) continue
    faults.push(
      `there is no bridge ${bridge} for the data NIC of ${name}: make it with ip link add ${bridge} type bridge`,
    )
  }
}

async function virtualFunctionsOf(
  hypervisor: HypervisorConfig,
  output: (argv: readonly string[]) => Promise<string>,
  faults: string[],
): Promise<Map<string, PciAddress>> {
  const found = new Map<string, PciAddress>()
  const cards = new Map<string, Promise<number[]>>()
  for (const vm of hypervisor.vms) {
    const representor = vm.pciAddress === undefined ? undefined : parsePciAddress(vm.pciAddress)
    if (!representor) continue
    const card = formatPciAddress(representor.physicalFunction)
    let figures = cards.get(card)
    if (!figures) cards.set(card, (figures = sriovOf(card, output)))
    const [offset, stride, count] = await figures
    if (offset === undefined || stride === undefined || count === undefined) {
      faults.push(
        `${card} of ${vm.name} is not a physical function with SR-IOV: look at lspci and at pci_addr`,
      )
    } else if (representor.vfIndex >= count) {
      faults.push(
        `VF ${representor.vfIndex} of ${vm.name} is not there: ${card} has ${count} VFs; dpservice's prepare.sh makes them`,
      )
    } else {
      found.set(vm.name, virtualFunctionAddress(representor, { offset, stride }))
    }
  }
  return found
}

/** Offset, stride and number of VFs, as the kernel shows them; empty when it does not. */
async function sriovOf(
  card: string,
  output: (argv: readonly string[]) => Promise<string>,
): Promise<number[]> {
  const files = ['sriov_offset', 'sriov_stride', 'sriov_numvfs'].map(
    (name) => `/sys/bus/pci/devices/${card}/${name}`,
  )
  const figures = await output(['cat', '--', ...files]).then(
    (text) => text.split('\n').map(Number),
    () => [],
  )
  return figures.every((value) => Number.isInteger(value)) ? figures : []
}

async function domainsOf(
  run: ProvisionRun,
  hypervisor: HypervisorConfig,
  virsh: Virsh,
  faults: string[],
): Promise<Pick<HypervisorFacts, 'ownDomains' | 'running' | 'takenMacs'>> {
  const ownDomains = new Map<string, Domain>()
  const takenMacs = new Set<string>()
  for (const domain of await virsh.domains()) {
    const vm = hypervisor.vms.find(({ name }) => name === domain.name)
    if (vm && domain.provisioned?.environment === run.identity.id) {
      ownDomains.set(vm.name, domain)
      continue
    }
    for (const mac of domain.macAddresses) takenMacs.add(mac)
    if (vm) faults.push(foreignDomain(vm, domain))
  }
  return { ownDomains, takenMacs, running: new Set(await virsh.domainNames('running')) }
}

function foreignDomain(vm: VmConfig, domain: Domain): string {
  const remove = `virsh destroy ${vm.name}; virsh undefine ${vm.name} --nvram`
  return domain.provisioned
    ? `a domain ${vm.name} is there that another environment of dpbench provisioned (${domain.provisioned.origin}): type npm run provision -- --clean-up there, or, when that folder is gone, ${remove}`
    : `a domain ${vm.name} is there that dpbench did not make: rename the VM in the config, or remove that domain yourself (${remove})`
}

async function spaceFor(
  run: ProvisionRun,
  imageThere: boolean,
  output: (argv: readonly string[]) => Promise<string>,
  faults: string[],
): Promise<void> {
  if (imageThere) return
  const script = 'd=$1; while [ ! -e "$d" ]; do d=$(dirname "$d"); done; stat -f -c "%a %S" "$d"'
  const [blocks, size] = (await output(shell(script, run.config.libvirt.imageFolder))).split(' ').map(Number)
  const free = (blocks ?? Number.NaN) * (size ?? Number.NaN)
  if (free < run.image.dataBytes * 1.1) {
    faults.push(
      `${run.config.libvirt.imageFolder} has ${Math.round(free / 1e6)} MB free, the disk image needs ${Math.round((run.image.dataBytes * 1.1) / 1e6)} MB: make room or choose another libvirt.image_folder`,
    )
  }
}
