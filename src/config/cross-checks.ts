/**
 * Checks between the parts of a config. They look at the file as it was written, whatever else is wrong with it, so
 * that all faults are told at once; a part that has the wrong type is the schema's affair and is passed over here.
 */
import { canonicalAddress } from './fields.ts'
import { dataplaneFaults } from './dataplane-checks.ts'
import { type Fault, jsonPath, quoted } from './faults.ts'
import { type Loose, type Placed, asObject, list } from './loose.ts'
import { formatPciAddress, parsePciAddress } from './pci-address.ts'

interface PlacedVm extends Placed {
  readonly hypervisor: number
}

export function crossChecks(file: unknown): Fault[] {
  const root = asObject(file)
  const hypervisors = list(root.hypervisors, ['hypervisors'])
  const vms: PlacedVm[] = hypervisors.flatMap(({ value, path }, hypervisor) =>
    list(value.vms, [...path, 'vms']).map((vm) => ({ ...vm, hypervisor })),
  )
  return [
    ...duplicateMachines(hypervisors, vms),
    ...duplicates(hypervisors, ({ value, path }) => {
      const address = value.host_address
      return typeof address === 'string'
        ? {
            key: `${canonicalAddress(address)} ${String(value.port ?? 22)}`,
            path: [...path, 'host_address'],
            what: `the address ${address}`,
          }
        : undefined
    }),
    ...dataplaneFaults(root, hypervisors, vms),
    ...dataNicDuplicates(vms),
    ...natFaults(vms),
    ...loadBalancerFaults(root.lb, hypervisors, vms),
    ...placementFaults(asObject(root.libvirt), vms),
    ...measurementFaults(asObject(root.measurement)),
    ...consoleFaults(asObject(root.libvirt)),
    ...duplicates(list(root.quarantine, ['quarantine']), ({ value, path }) => {
      const { test, scenario, mode } = value
      return {
        key: JSON.stringify([test, scenario, mode]),
        path: [...path],
        what: 'an entry for the same test and mode',
      }
    }),
  ]
}

function duplicateMachines(hypervisors: readonly Placed[], vms: readonly Placed[]): Fault[] {
  return duplicates([...hypervisors, ...vms], ({ value, path }) =>
    typeof value.machine_name === 'string'
      ? {
          key: value.machine_name.toLowerCase(),
          path: [...path, 'machine_name'],
          what: `the machine name ${quoted(value.machine_name)}`,
        }
      : undefined,
  )
}

function dataNicDuplicates(vms: readonly PlacedVm[]): Fault[] {
  const inNic = (
    key: string,
    scope: (vm: PlacedVm, nic: Loose) => string,
    what: string,
    form = canonicalAddress,
  ): Fault[] =>
    duplicates(vms, (vm) => {
      const nic = asObject(vm.value.if_config)
      const value = nic[key]
      if (typeof value !== 'string') return undefined
      return {
        key: `${scope(vm, nic)} ${form(value)}`,
        path: [...vm.path, 'if_config', key],
        what: `${what} ${value}`,
      }
    })
  const onHost = (key: string, what: string): Fault[] =>
    duplicates(vms, (vm) => {
      const value = vm.value[key]
      if (typeof value !== 'string') return undefined
      return {
        key: `${vm.hypervisor} ${canonicalAddress(value)}`,
        path: [...vm.path, key],
        what: `${what} ${value}`,
      }
    })
  return [
    ...inNic('ipv4', byVni, 'within one VNI, the address'),
    ...inNic('ipv6', byVni, 'within one VNI, the address'),
    ...inNic('pci_addr', byHost, 'on one hypervisor, the VF', pciKey),
    ...inNic('bridge', byHost, 'on one hypervisor, the bridge', asIs),
    ...inNic('device', byHost, 'on one hypervisor, the device', asIs),
    ...inNic('netdev', byHost, 'on one hypervisor, the network device', asIs),
    ...onHost('host_address', 'on one hypervisor, the address'),
    ...onHost('mac_address', 'on one hypervisor, the MAC address'),
  ]
}

const byVni = (_: PlacedVm, nic: Loose): string => String(nic.vni ?? 0)
const byHost = (vm: PlacedVm): string => String(vm.hypervisor)
const asIs = (value: string): string => value

function pciKey(value: string): string {
  const parsed = parsePciAddress(value)
  return parsed ? `${formatPciAddress(parsed.physicalFunction)} ${parsed.vfIndex}` : value
}

function natFaults(vms: readonly PlacedVm[]): Fault[] {
  const ranges: { key: string; min: number; max: number; name: string }[] = []
  return vms.flatMap(({ value, path }) => {
    const { ip, ports } = asObject(value.nat)
    if (!Array.isArray(ports) || typeof ports[0] !== 'number' || typeof ports[1] !== 'number') return []
    const [min, max] = ports as [number, number]
    const at = [...path, 'nat', 'ports']
    if (min > max) return [{ path: at, sentence: `begins after its end; write [${max}, ${min}]` }]
    const range = {
      key: `${String(ip)} ${String(asObject(value.if_config).vni)}`,
      min,
      max,
      name: String(value.machine_name),
    }
    const other = ranges.find((one) => one.key === range.key && one.min <= max && min <= one.max)
    ranges.push(range)
    return other
      ? [
          {
            path: at,
            sentence: `overlaps with the ports of ${other.name} (${other.min} to ${other.max}) on the same NAT address; give each VM ports of its own`,
          },
        ]
      : []
  })
}

function loadBalancerFaults(
  value: unknown,
  hypervisors: readonly Placed[],
  vms: readonly PlacedVm[],
): Fault[] {
  const lb = asObject(value)
  const unknown = (key: string, what: string, machines: readonly Placed[]): Fault[] => {
    const names = machines
      .map((machine) => machine.value.machine_name)
      .filter((name) => typeof name === 'string')
    const chosen = Array.isArray(lb[key]) ? lb[key] : []
    return chosen.flatMap((name: unknown, index) => {
      if (typeof name !== 'string') return []
      const at = ['lb', key, index]
      if (!names.includes(name))
        return [
          {
            path: at,
            sentence: `${quoted(name)} is not ${what} of this config; write one of ${names.join(', ')}`,
          },
        ]
      return chosen.indexOf(name) < index
        ? [{ path: at, sentence: `names ${name} a second time; leave it out` }]
        : []
    })
  }
  const otherVni = vms.flatMap(({ value: vm }) => {
    const named = Array.isArray(lb.lb_machines) && lb.lb_machines.includes(vm.machine_name)
    const vni = asObject(vm.if_config).vni
    return named && typeof vni === 'number' && typeof lb.vni === 'number' && vni !== lb.vni
      ? [
          {
            path: ['lb', 'vni'],
            sentence: `is ${lb.vni}, but ${String(vm.machine_name)} is in VNI ${vni}; a load balancer reaches VMs of its own VNI only`,
          },
        ]
      : []
  })
  return [
    ...unknown('lb_nodes', 'a hypervisor', hypervisors),
    ...unknown('lb_machines', 'a VM', vms),
    ...otherVni,
  ]
}

function placementFaults(libvirt: Loose, vms: readonly PlacedVm[]): Fault[] {
  const names = vms.map(({ value }) => value.machine_name)
  const vcpus = typeof libvirt.vcpus === 'number' ? libvirt.vcpus : 4
  return ['pinning', 'numa'].flatMap((key) =>
    Object.entries(asObject(libvirt[key])).flatMap(([name, value]) => {
      const at = ['libvirt', key, name]
      if (!names.includes(name))
        return [{ path: at, sentence: `is not a VM of this config; write one of ${names.join(', ')}` }]
      return key === 'pinning' && Array.isArray(value) && value.length !== vcpus
        ? [{ path: at, sentence: `has ${value.length} entries for ${vcpus} vCPUs; write one entry per vCPU` }]
        : []
    }),
  )
}

function measurementFaults(measurement: Loose): Fault[] {
  const { min, max } = asObject(measurement.repetitions)
  return typeof min === 'number' && typeof max === 'number' && min > max
    ? [
        {
          path: ['measurement', 'repetitions'],
          sentence: `has min ${min} above max ${max}; write { "min": ${max}, "max": ${min} }`,
        },
      ]
    : []
}

function consoleFaults(libvirt: Loose): Fault[] {
  if (libvirt.console_password === undefined) return []
  const { hash_file: file, hash_variable: variable } = asObject(libvirt.console_password)
  return (file === undefined) === (variable === undefined)
    ? [
        {
          path: ['libvirt', 'console_password'],
          sentence:
            'needs one of hash_file and hash_variable; write { "hash_file": "~/.config/dpbench/console.hash" }',
        },
      ]
    : []
}

function duplicates<T>(
  items: readonly T[],
  keyOf: (item: T) => { key: string; path: PropertyKey[]; what: string } | undefined,
): Fault[] {
  const seen = new Map<string, PropertyKey[]>()
  return items.flatMap((item) => {
    const found = keyOf(item)
    if (!found) return []
    const first = seen.get(found.key)
    if (!first) seen.set(found.key, found.path)
    return first
      ? [
          {
            path: found.path,
            sentence: `repeats ${jsonPath(first)}: ${found.what} may be there once; choose another`,
          },
        ]
      : []
  })
}
