/**
 * What a config must hold, and what it must not, depends on its data plane: dpservice's keys are needed with dpservice and
 * mean nothing with `"dataplane": "none"`. A key that has no effect is a fault: somebody who writes it expects one.
 */
import type { Fault } from './faults.ts'
import { wrong } from './fields.ts'
import { type Loose, type Placed, asObject } from './loose.ts'

/** @param vms each with its place */
export function dataplaneFaults(
  root: Loose,
  hypervisors: readonly Placed[],
  vms: readonly Placed[],
): Fault[] {
  const known = root.dataplane === undefined || root.dataplane === 'dpservice' || root.dataplane === 'none'
  if (!known) return [] // the schema's affair
  return root.dataplane === 'none'
    ? [...unusedKeys(root, hypervisors, vms), ...vms.flatMap(dataNicAlone), ...vms.flatMap(addressless)]
    : [...missingKeys(root, vms), ...vms.flatMap(dataNic)]
}

const throughputExample = '{ "local_vm2vm": 10, "remote_vm2vm": 8 } in Gbit/s'

function missingKeys(root: Loose, vms: readonly Placed[]): Fault[] {
  const faults: Fault[] = []
  const need = (object: Loose, key: string, at: readonly PropertyKey[], sentence: string): void => {
    if (object[key] === undefined) faults.push({ path: [...at, key], sentence })
  }
  need(root, 'expected_throughput', [], 'is missing; write { "sw": { … }, "hw": { … } }')
  if (isObject(root.expected_throughput)) {
    const at = ['expected_throughput']
    for (const key of ['sw', 'hw'])
      need(asObject(root.expected_throughput), key, at, `is missing; write ${throughputExample}`)
  }
  for (const { value, path } of vms) {
    if (!isObject(value.if_config)) continue
    const nic = asObject(value.if_config)
    const at = [...path, 'if_config']
    need(nic, 'ipv4', at, wrong(undefined, 'an IPv4 address', '"192.168.129.5"'))
    need(nic, 'ipv6', at, wrong(undefined, 'an IPv6 address', '"2002::123"'))
    need(nic, 'vni', at, wrong(undefined, 'a VNI', 'a whole number, 0 to 16777215'))
  }
  return [...faults, ...plainFaults(root)]
}

/** Without a data plane there are no modes, so what is expected stands under `plain`; with dpservice under the mode. */
function plainFaults(root: Loose): Fault[] {
  return ['expected_throughput', 'expected'].flatMap((key) =>
    asObject(root[key]).plain === undefined
      ? []
      : [
          {
            path: [key, 'plain'],
            sentence:
              'is for "dataplane": "none"; write "sw" and "hw", what is expected in the modes non-offload and offload',
          },
        ],
  )
}

function unusedKeys(root: Loose, hypervisors: readonly Placed[], vms: readonly Placed[]): Fault[] {
  const faults: Fault[] = []
  const refuse = (object: Loose, keys: readonly string[], at: readonly PropertyKey[], why = ''): void => {
    for (const key of keys)
      if (object[key] !== undefined)
        faults.push({
          path: [...at, key],
          sentence: `is dpservice's, and "dataplane" is "none"; leave it out${why}`,
        })
  }
  refuse(root, ['default_dpservice_image', 'lb'], [])
  const inPlain = ', and write what is expected under "plain"'
  for (const key of ['expected_throughput', 'expected'])
    refuse(asObject(root[key]), ['sw', 'hw'], [key], inPlain)
  for (const { value, path } of hypervisors) refuse(value, ['dpservice'], path)
  for (const { value, path } of vms) {
    refuse(value, ['nat'], path)
    refuse(asObject(value.if_config), ['device', 'netdev'], [...path, 'if_config'])
  }
  return faults
}

/** Provisioning plugs the data NIC in somewhere; a VM that is there already has its own. */
function dataNicAlone({ value, path }: Placed): Fault[] {
  if (!isObject(value.if_config)) return []
  const nic = asObject(value.if_config)
  const at = [...path, 'if_config']
  if (nic.pci_addr !== undefined && nic.bridge !== undefined)
    return [{ path: [...at, 'bridge'], sentence: 'stands beside pci_addr; keep one of them' }]
  if (nic.pci_addr !== undefined || nic.bridge !== undefined || value.host_address !== undefined) return []
  return [
    {
      path: at,
      sentence:
        'has neither pci_addr nor bridge, so provisioning cannot make the data NIC; write "bridge": "br-vm1", or the "host_address" and "host_key" of a VM that is there already',
    },
  ]
}

function addressless({ value, path }: Placed): Fault[] {
  const nic = asObject(value.if_config)
  if (!isObject(value.if_config) || nic.ipv4 !== undefined || nic.ipv6 !== undefined) return []
  return [
    {
      path: [...path, 'if_config'],
      sentence: 'has neither ipv4 nor ipv6; write the address that traffic to this VM goes to',
    },
  ]
}

/** With dpservice a VM's data NIC is a VF (`pci_addr`) or a bridge port (`bridge` and `device`), never both, never half. */
function dataNic({ value, path }: Placed): Fault[] {
  if (typeof value.if_config !== 'object' || value.if_config === null) return []
  const nic = asObject(value.if_config)
  const at = [...path, 'if_config']
  const has = (key: string): boolean => nic[key] !== undefined
  if (has('pci_addr')) {
    return ['bridge', 'device', 'netdev'].filter(has).map((key) => ({
      path: [...at, key],
      sentence: 'stands beside pci_addr; keep pci_addr for a SmartNIC, or bridge and device without one',
    }))
  }
  if (!has('bridge') && !has('device')) {
    return [
      {
        path: at,
        sentence:
          'has neither pci_addr nor bridge and device; write "pci_addr": "0000:8a:00.0_representor_vf2", or "bridge" and "device" without a SmartNIC',
      },
    ]
  }
  const missing = has('bridge') ? 'device' : 'bridge'
  if (has(missing)) return []
  return [
    {
      path: [...at, missing],
      sentence: `is missing; ${has('bridge') ? 'beside bridge write "device": "net_tap2", the data plane\'s name of the port' : 'beside device write "bridge": "br-vm1"'}`,
    },
  ]
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
