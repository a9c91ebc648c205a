/** The SmartNIC that the config's `pci_addr` names: IOMMU, VFs, switchdev mode, representors, and dpservice.conf. */
import { formatPciAddress, parsePciAddress } from '../../config/index.ts'
import type { CardFacts, HostFacts, SystemFacts } from '../host-facts.ts'
import { type Judgement, fault, notApplicable, ok, warning } from '../finding.ts'
import type { CardNeeds, HypervisorNeeds } from '../needs.ts'

export function smartNicChecks({ system }: HostFacts, needs: HypervisorNeeds): Judgement[] {
  if (needs.cards.length === 0) {
    const why = 'no VM of this hypervisor has a pci_addr'
    const checks = ['IOMMU', 'SR-IOV VFs', 'switchdev', 'representors']
    return [...checks.map((check) => notApplicable(check, why)), dpserviceConf(system, needs)]
  }
  return [
    iommu(system),
    ...needs.cards.flatMap((card) => cardChecks(system, card)),
    dpserviceConf(system, needs),
  ]
}

function iommu({ iommuGroups }: SystemFacts): Judgement {
  return iommuGroups > 0
    ? ok('IOMMU', `on, ${iommuGroups} groups`)
    : fault(
        'IOMMU',
        'off, so no VF can be given to a VM',
        'switch on VT-d or AMD-Vi in the firmware, add intel_iommu=on iommu=pt (AMD: iommu=pt) to the kernel command line, reboot',
      )
}

function cardChecks(system: SystemFacts, need: CardNeeds): Judgement[] {
  const card = system.cards[need.address]
  if (card?.driver === undefined) {
    return [
      {
        ...fault(
          'SR-IOV VFs',
          `there is no PCI device ${need.address}`,
          'lspci -D | grep -i ethernet; then correct pci_addr in the config',
        ),
        inConfig: true,
      },
    ]
  }
  return [virtualFunctions(card, need), switchdev(card, need), representors(system, card, need)]
}

/** dpservice's prepare.sh does all of it, in this order, and writes dpservice.conf: half of it done by hand helps nobody. */
function prepare(address: string, vfs: number): string {
  return (
    "dpservice's prepare.sh does it; by hand, with the card's network unused (its devices and all its VFs vanish for a moment): " +
    `echo 0 > /sys/bus/pci/devices/${address}/sriov_numvfs; ` +
    `devlink dev eswitch set pci/${address} mode switchdev; ` +
    `echo ${vfs} > /sys/bus/pci/devices/${address}/sriov_numvfs`
  )
}

function virtualFunctions(
  { totalVfs, vfs = 0, driver }: CardFacts,
  { address, vfs: wanted }: CardNeeds,
): Judgement {
  const check = 'SR-IOV VFs'
  if (totalVfs === undefined || totalVfs === 0) {
    return fault(
      check,
      `${address} (driver ${driver}) has no SR-IOV`,
      `switch SR-IOV on in the card's firmware (mlxconfig -d ${address} set SRIOV_EN=1 NUM_OF_VFS=126) and in the machine's, reboot`,
    )
  }
  const needed = Math.max(...wanted.map(({ index }) => index)) + 1
  const who = wanted.map(({ vm, index }) => `${vm} has VF ${index}`).join(', ')
  const found = `${address}: ${vfs} of ${totalVfs}; ${who}`
  if (needed > totalVfs) {
    return { ...fault(check, found, `choose VFs below ${totalVfs} in pci_addr`), inConfig: true }
  }
  return vfs >= needed ? ok(check, found) : fault(check, found, prepare(address, needed))
}

function switchdev({ eswitch }: CardFacts, { address, vfs }: CardNeeds): Judgement {
  const check = 'switchdev'
  if (eswitch === 'switchdev') return ok(check, `${address} is in switchdev mode`)
  const count = Math.max(...vfs.map(({ index }) => index)) + 1
  return eswitch === undefined
    ? fault(
        check,
        `${address}: devlink does not tell its mode`,
        `devlink dev eswitch show pci/${address} (devlink is in iproute2; the card must be a SmartNIC with an eswitch)`,
      )
    : fault(check, `${address} is in ${eswitch} mode, so it has no representors`, prepare(address, count))
}

/** Ports of the eswitch are called `pf0vf2`, or `c1pf0vf2` where another host's are among them. */
function representors(
  { representors: all }: SystemFacts,
  { eswitch }: CardFacts,
  { address, vfs }: CardNeeds,
): Judgement {
  const check = 'representors'
  if (eswitch !== 'switchdev') return notApplicable(check, `${address} is not in switchdev mode`)
  const found = vfs.map(({ index, vm }) => {
    const port = all.find(
      ({ port, card }) =>
        new RegExp(`^(c\\d+)?pf\\d+vf${index}$`).test(port) && (card ?? address) === address,
    )
    return { vm, index, netdev: port?.netdev }
  })
  const missing = found.filter(({ netdev }) => netdev === undefined)
  return missing.length === 0
    ? ok(check, found.map(({ vm, netdev }) => `${vm}: ${netdev}`).join(', '))
    : fault(
        check,
        `${address} has none for ${missing.map(({ vm, index }) => `VF ${index} of ${vm}`).join(', ')}`,
        `devlink port show; ${prepare(address, Math.max(...vfs.map(({ index }) => index)) + 1)}`,
      )
}

/** One argument per line without dashes; `a-pf0` has the card's address first (dpservice's own documentation). */
function dpserviceConf({ dpserviceConf: text }: SystemFacts, needs: HypervisorNeeds): Judgement {
  const check = 'dpservice.conf'
  const { dpserviceConf: conf, cards } = needs
  if ('none' in conf) return notApplicable(check, conf.none)
  const { file } = conf
  const advice = `dpservice's prepare.sh writes it; then put it at ${file}`
  if (text === undefined) return fault(check, `${file} is not there`, advice)
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/))
  const valueOf = (key: string): string | undefined => lines.find(([first]) => first === key)?.[1]
  const missing = ['pf0', 'vf-pattern', 'ipv6', 'a-pf0'].filter((key) => valueOf(key) === undefined)
  if (missing.length > 0) return fault(check, `${file} lacks ${missing.join(', ')}`, advice)
  const named = lines
    .filter(([key]) => /^a-pf\d+$/.test(key ?? ''))
    .map(([, value = '']) => cardOf(value.split(',')[0]!))
  const strangers = cards.filter(({ address }) => !named.includes(address)).map(({ address }) => address)
  if (strangers.length > 0) {
    return fault(
      check,
      `${file} is about ${named.join(', ')}, the config's VMs are on ${strangers.join(', ')}`,
      `correct pci_addr in the config; or: ${advice}`,
    )
  }
  const { most } = /representor=[^,]*vf\[0-(?<most>\d+)\]/.exec(text)?.groups ?? {}
  const highest = Math.max(...cards.flatMap(({ vfs }) => vfs.map(({ index }) => index)))
  if (most !== undefined && highest > Number(most)) {
    return warning(
      check,
      `${file} names representors up to VF ${most}, the config uses VF ${highest}`,
      `choose a VF of up to ${most} in pci_addr; or: ${advice}`,
    )
  }
  return ok(check, `${file}: ${named.join(', ')}, ports ${valueOf('pf0')} and ${valueOf('vf-pattern')}*`)
}

/** With its domain, as the config's are. */
function cardOf(text: string): string {
  const parsed = parsePciAddress(`${text}_representor_vf0`)
  return parsed ? formatPciAddress(parsed.physicalFunction) : text
}
