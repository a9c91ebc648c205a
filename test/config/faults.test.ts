import { describe, expect, test } from 'vitest'
import { ConfigError, ExitCode } from '../../src/core/errors.ts'
import { loadConfig } from '../../src/config/load.ts'
import { dpserviceConfig, site, type Loose } from './dpservice-file.ts'

async function faultsOf(change: (config: Loose) => void): Promise<readonly string[]> {
  const { cwd, env, write } = site()
  const config = dpserviceConfig()
  change(config)
  write(config)
  const error = await loadConfig({ cwd, env }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).exitCode).toBe(ExitCode.usage)
  return (error as ConfigError).faults
}

const vm = (config: Loose, hypervisor: number, index: number): Loose =>
  config.hypervisors[hypervisor].vms[index]

test('every fault of a file is told at once', async () => {
  const faults = await faultsOf((config) => {
    config.hypervisor = config.lb
    config.concurrent_flow_count = '3'
    config.key_file = '~/.ssh/nowhere'
    vm(config, 0, 0).if_config.ipv4 = '192.168.129.300'
    vm(config, 0, 1).machine_name = 'vm1'
    vm(config, 1, 0).nat.ports = [10, 99_999]
    config.lb.lb_nodes = ['hypervisor-3']
    delete config.expected_throughput.hw
  })
  expect(faults).toHaveLength(8)
  expect(faults.join('\n')).toContain('hypervisor is not a known key; did you mean "hypervisors"?')
  expect(faults.join('\n')).toContain(
    'hypervisors[0].vms[0].if_config.ipv4 "192.168.129.300" is not an IPv4 address; write "192.168.129.5"',
  )
  expect(faults.join('\n')).toContain('hypervisors[0].vms[1].machine_name repeats')
  expect(faults.join('\n')).toContain(
    'lb.lb_nodes[0] "hypervisor-3" is not a hypervisor of this config; write one of hypervisor-1, hypervisor-2',
  )
})

describe.each<[string, (config: Loose) => void, RegExp]>([
  [
    'a misspelled key of a VM',
    (c) => {
      vm(c, 0, 0).if_config.ipv_4 = '1.2.3.4'
    },
    /^hypervisors\[0\]\.vms\[0\]\.if_config\.ipv_4 is not a known key; did you mean "ipv4"\?$/,
  ],
  [
    'a misspelled key of a profile',
    (c) => {
      c.measurement = { kept_second: 4 }
    },
    /^measurement\.kept_second is not a known key; did you mean "kept_seconds"/,
  ],
  [
    'an unknown profile',
    (c) => {
      c.measurement = 'fast'
    },
    /^measurement "fast"|^measurement .*write "quick", "default", "release"/,
  ],
  [
    'repetitions upside down',
    (c) => {
      c.measurement = { repetitions: { min: 9, max: 3 } }
    },
    /^measurement\.repetitions has min 9 above max 3/,
  ],
  [
    'a missing key',
    (c) => {
      delete vm(c, 0, 0).if_config.vni
    },
    /^hypervisors\[0\]\.vms\[0\]\.if_config\.vni is missing; write a VNI/,
  ],
  [
    'an address twice in a VNI',
    (c) => {
      vm(c, 1, 0).if_config.ipv6 = '2002:0::0124'
    },
    /^hypervisors\[1\]\.vms\[0\]\.if_config\.ipv6 repeats hypervisors\[0\]\.vms\[1\]\.if_config\.ipv6: within one VNI/,
  ],
  [
    'a VF twice on a hypervisor',
    (c) => {
      vm(c, 0, 1).if_config.pci_addr = '8A:00.0_representor_vf2'
    },
    /pci_addr repeats .*VF/,
  ],
  [
    'a VM without a data NIC',
    (c) => {
      delete vm(c, 0, 0).if_config.pci_addr
    },
    /has neither pci_addr nor bridge and device/,
  ],
  [
    'a bridge beside a VF',
    (c) => {
      vm(c, 0, 0).if_config.bridge = 'br-vm1'
    },
    /bridge stands beside pci_addr/,
  ],
  [
    'a bridge without a device',
    (c) => {
      vm(c, 0, 0).if_config = { ipv4: '1.2.3.4', ipv6: '::1', vni: 1, bridge: 'br0' }
    },
    /if_config\.device is missing; beside bridge/,
  ],
  [
    'a malformed representor',
    (c) => {
      vm(c, 0, 0).if_config.pci_addr = '0000:8a:00.0'
    },
    /pci_addr "0000:8a:00\.0" is not a VF representor/,
  ],
  [
    'NAT ports backwards',
    (c) => {
      vm(c, 1, 0).nat.ports = [20, 10]
    },
    /nat\.ports begins after its end; write \[10, 20\]/,
  ],
  [
    'a port out of range',
    (c) => {
      c.hypervisors[0].port = 70_000
    },
    /^hypervisors\[0\]\.port 70000 is not a port; write a whole number, 1 to 65535/,
  ],
  [
    'an unsafe machine name',
    (c) => {
      vm(c, 0, 0).machine_name = '../vm'
    },
    /machine_name "\.\.\/vm" is not a machine name/,
  ],
  [
    'a VM name too long for an interface',
    (c) => {
      vm(c, 0, 0).machine_name = 'a-virtual-machine'
    },
    /at most 15/,
  ],
  [
    'an unknown machine of the load balancer',
    (c) => {
      c.lb.lb_machines = ['vm9']
    },
    /^lb\.lb_machines\[0\] "vm9" is not a VM/,
  ],
  [
    'a load balancer in another VNI',
    (c) => {
      c.lb.vni = 67
    },
    /^lb\.vni is 67, but vm3 is in VNI 66/,
  ],
  [
    'malformed load balancer ports',
    (c) => {
      c.lb.ports = 'TCP:5201'
    },
    /^lb\.ports "TCP:5201" is not a list of ports/,
  ],
  [
    'two hypervisors at one address',
    (c) => {
      c.hypervisors[1].host_address = c.hypervisors[0].host_address
    },
    /^hypervisors\[1\]\.host_address repeats/,
  ],
  [
    'a mistyped host address',
    (c) => {
      c.hypervisors[1].host_address = '192.168.23'
    },
    /^hypervisors\[1\]\.host_address "192\.168\.23" is not a host name/,
  ],
  [
    'a host key that is none',
    (c) => {
      c.hypervisors[0].host_key = 'nowhere.pub'
    },
    /^hypervisors\[0\]\.host_key is neither a host key nor a file/,
  ],
  [
    'the public key in the place of the private one',
    (c) => {
      c.key_file = '~/.ssh/id_rsa.pub'
    },
    /^key_file .* is not a private key/,
  ],
  [
    'pinning of another VM',
    (c) => {
      c.libvirt = { pinning: { vm9: ['1', '2', '3', '4'] } }
    },
    /^libvirt\.pinning\.vm9 is not a VM/,
  ],
  [
    'pinning of too few vCPUs',
    (c) => {
      c.libvirt = { pinning: { vm1: ['1'] } }
    },
    /has 1 entries for 4 vCPUs/,
  ],
  [
    'a threshold that is no number',
    (c) => {
      c.expected_throughput.sw.lb = '5'
    },
    /^expected_throughput\.sw\.lb "5" is not a throughput in Gbit\/s/,
  ],
  [
    'a threshold of zero',
    (c) => {
      c.expected_throughput.sw.lb = 0
    },
    /^expected_throughput\.sw\.lb 0 is not/,
  ],
  [
    'no hypervisors',
    (c) => {
      c.hypervisors = []
      delete c.lb
    },
    /^hypervisors is empty/,
  ],
  [
    'something else in the place of a VM',
    (c) => {
      c.hypervisors[1].vms = ['vm3']
      delete c.lb
    },
    /^hypervisors\[1\]\.vms\[0\] "vm3" is not an object/,
  ],
])('%s', (_, change, sentence) => {
  test('gets one sentence', async () => {
    const faults = await faultsOf(change)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(sentence)
  })
})

describe('text that is not JSON', () => {
  test.each([
    ['{\n  "key_file": "a",\n  "concurrent_flow_count": 3,,\n}', 'line 3, column 30'],
    ['{\n  "key_file": "a"', 'line 2, column 18'],
    ['', 'line 1, column 1'],
    ['{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" is there twice'],
  ])('%j says where', async (text, place) => {
    const { cwd, env, write } = site()
    write(text)
    await expect(loadConfig({ cwd, env })).rejects.toThrow(place)
  })

  test('a list is not a config', async () => {
    const { cwd, env, write } = site()
    write('[]')
    await expect(loadConfig({ cwd, env })).rejects.toThrow('the file [] is not an object; write a config')
  })
})
