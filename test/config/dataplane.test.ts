/** `"dataplane": "none"`: what a config then need not have, and what it must not. */
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/errors.ts'
import { loadConfig } from '../../src/config/load.ts'
import { type Loose, dpserviceConfig, site } from './dpservice-file.ts'

function load(file: Loose) {
  const { cwd, env, write } = site()
  write(file)
  return loadConfig({ cwd, env })
}

const vm = (name: string, ipv4: string): Loose => ({
  machine_name: name,
  if_config: { ipv4, bridge: `br-${name}` },
})

function plain(changes: Loose = {}): Loose {
  const { key_file, public_key_file } = dpserviceConfig()
  return {
    dataplane: 'none',
    key_file,
    public_key_file,
    concurrent_flow_count: 2,
    hypervisors: [
      {
        machine_name: 'host-1',
        host_address: '192.0.2.1',
        user_name: 'root',
        vms: [vm('a', '10.0.0.1'), vm('b', '10.0.0.2')],
      },
    ],
    ...changes,
  }
}

async function faultsOf(file: Loose): Promise<readonly string[]> {
  const error: unknown = await load(file).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).faults
}

describe('without a data plane', () => {
  test('nothing of dpservice is needed, and one address of each VM', async () => {
    const config = await load(plain())
    expect(config).toMatchObject({
      dataplane: 'none',
      expectedThroughput: { plain: {} },
      expected: { plain: {} },
    })
    const [first] = config.hypervisors[0]!.vms
    expect(first).toMatchObject({ ipv4: '10.0.0.1', vni: 0, bridge: 'br-a' })
    expect(first).not.toHaveProperty('ipv6')
  })

  test('what is expected stands under "plain"', async () => {
    const config = await load(
      plain({
        expected_throughput: { plain: { local_vm2vm: 3 } },
        expected: { plain: { loss: { at_most: 1, unit: 'percent' } } },
      }),
    )
    expect(config.expectedThroughput.plain).toEqual({ local_vm2vm: 3 })
    expect(config.expected.plain).toEqual({ loss: { bound: 'at_most', value: 0.01, unit: 'fraction' } })
  })

  test('each key of dpservice is a fault, all at once', async () => {
    const file = plain({
      default_dpservice_image: 'x',
      expected_throughput: { sw: { local_vm2vm: 1 }, plain: {} },
    })
    file['hypervisors'][0].dpservice = {}
    file['hypervisors'][0].vms[0].nat = { ip: '10.9.9.9', ports: [1000, 2000] }
    file['hypervisors'][0].vms[1].if_config.device = 'net_tap2'
    const faults = await faultsOf(file)
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'default_dpservice_image',
      'expected_throughput.sw',
      'hypervisors[0].dpservice',
      'hypervisors[0].vms[0].nat',
      'hypervisors[0].vms[1].if_config.device',
    ])
    expect(faults[0]).toMatch(/is dpservice's, and "dataplane" is "none"; leave it out$/)
    expect(faults[1]).toMatch(/write what is expected under "plain"$/)
  })

  test('a VM has an address, and a NIC for it unless it is there already', async () => {
    const file = plain()
    file['hypervisors'][0].vms = [
      { machine_name: 'a', if_config: { bridge: 'br-a' } },
      { machine_name: 'b', if_config: { ipv4: '10.0.0.2' } },
      { machine_name: 'c', if_config: { ipv6: 'fd00::3' }, host_address: '192.0.2.9' },
    ]
    const faults = await faultsOf(file)
    expect(faults).toEqual([
      expect.stringMatching(
        /^hypervisors\[0\]\.vms\[1\]\.if_config has neither pci_addr nor bridge.*"host_address"/,
      ),
      expect.stringMatching(/^hypervisors\[0\]\.vms\[0\]\.if_config has neither ipv4 nor ipv6/),
    ])
  })

  test('addresses are there once, as all VMs are in one network', async () => {
    const file = plain()
    file['hypervisors'][0].vms[1].if_config.ipv4 = '10.0.0.1'
    expect(await faultsOf(file)).toEqual([expect.stringMatching(/repeats .*the address 10\.0\.0\.1/)])
  })

  test('another word is refused', async () => {
    expect(await faultsOf(plain({ dataplane: 'ovs' }))).toEqual([
      expect.stringMatching(/^dataplane "ovs" is not possible; write one of "dpservice", "none"/),
    ])
  })
})

describe('with dpservice', () => {
  test.each([undefined, 'dpservice'])('%s: the classic file loads as ever', async (dataplane) => {
    const config = await load({ ...dpserviceConfig(), ...(dataplane && { dataplane }) })
    expect(config).not.toHaveProperty('dataplane')
    expect(config.expectedThroughput).not.toHaveProperty('plain')
  })

  test('what it needs is asked for', async () => {
    const file = dpserviceConfig()
    delete file['expected_throughput'].hw
    const nic = file['hypervisors'][0].vms[0].if_config
    delete nic.vni
    delete nic.ipv6
    expect(await faultsOf({ ...file, expected: { plain: {} } })).toEqual([
      expect.stringMatching(/^expected_throughput\.hw is missing; write .* in Gbit\/s/),
      expect.stringMatching(/if_config\.ipv6 is missing; write an IPv6 address/),
      expect.stringMatching(/if_config\.vni is missing; write a VNI/),
      expect.stringMatching(/^expected\.plain is for "dataplane": "none"; write "sw" and "hw"/),
    ])
  })
})
