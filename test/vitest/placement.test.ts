/** Which machines a suite gets on configs of different shapes, and what is said when there are none. */
import { describe, expect, test } from 'vitest'
import type { BenchConfig } from '../../src/config/index.ts'
import type { Environment } from '../../src/environment/environment.ts'
import { unmetNeed } from '../../src/vitest/needs.ts'
import { type Placement, placementIn } from '../../src/vitest/placement-choice.ts'

interface Vm {
  readonly vni?: number
  readonly nat?: readonly [number, number]
}
type Site = Readonly<Record<string, Readonly<Record<string, Vm>>>>

const classic: Site = { h1: { vm1: {}, vm2: {} }, h2: { vm3: { nat: [10240, 10360] } } }

interface Options {
  readonly lb?: Partial<NonNullable<BenchConfig['loadBalancer']>>
  readonly roles?: Readonly<Record<string, string>>
  readonly expected?: number
  readonly strict?: boolean
}

class Skipped extends Error {}

/** The fixture on a site; what would skip the test throws its reason. */
function placement(site: Site, { lb, roles = {}, expected = 1, strict = false }: Options = {}): Placement {
  const hypervisors = new Map(Object.keys(site).map((name) => [name, { name }]))
  const all = Object.entries(site).flatMap(([hypervisor, vms]) =>
    Object.entries(vms).map(([name, vm]) => ({ name, hypervisor, vni: 100, ...vm })),
  )
  const vms = new Map(
    all.map(({ name, hypervisor, vni }) => [
      name,
      { name, hypervisor: hypervisors.get(hypervisor), data: { vni } },
    ]),
  )
  const config = {
    concurrentFlowCount: 3,
    expectedThroughput: { offload: { lb: expected || undefined } },
    hypervisors: Object.keys(site).map((name) => ({
      name,
      role: roles[name],
      vms: all
        .filter((vm) => vm.hypervisor === name)
        .map((vm) => ({ ...vm, nat: vm.nat && { ip: '10.10.20.20', ports: vm.nat } })),
    })),
    ...(lb && {
      loadBalancer: {
        name: 'lb',
        ip: '10.20.30.30',
        ports: [{ protocol: 'TCP', port: 5201 }],
        vni: 100,
        nodes: ['h2'],
        machines: ['vm3'],
        ...lb,
      },
    }),
  }
  const dataplane = { natCapacity: ([min, max]: readonly [number, number]) => max - min }
  const environment = { config, hypervisors, vms, dataplane, mode: 'offload' } as unknown as Environment
  const skip = ((reason: string) => {
    throw new Skipped(reason)
  }) as never
  return placementIn(environment, unmetNeed({ strict }, skip))
}

const names = ({ from, to }: { from: { name: string }; to: { name: string } }): string =>
  `${from.name} → ${to.name}`

describe('pairs', () => {
  test('of the classic site are those of the old suite', () => {
    expect(names(placement(classic).sameHypervisor())).toBe('vm1 → vm2')
    expect(names(placement(classic).acrossHypervisors())).toBe('vm3 → vm1')
  })

  test('are found on any number of hypervisors, by network and not by name', () => {
    const site = {
      a: { x: { vni: 1 } },
      b: { y: { vni: 2 } },
      c: { z: { vni: 1 }, w: { vni: 2 }, u: { vni: 2 } },
    }
    expect(names(placement(site).sameHypervisor())).toBe('w → u')
    expect(names(placement(site).acrossHypervisors())).toBe('z → x')
  })

  test('follow the roles that are asked for', () => {
    const site = { a: { x: {} }, b: { y: {} }, c: { z: {}, w: {} } }
    const roles = { b: 'remote', c: 'local' }
    expect(names(placement(site, { roles }).acrossHypervisors({ from: 'local', to: 'remote' }))).toBe('z → y')
    expect(names(placement(site, { roles }).acrossHypervisors({ to: 'local' }))).toBe('x → z')
    expect(names(placement(site, { roles }).sameHypervisor({ role: 'local' }))).toBe('z → w')
    expect(() => placement(site, { roles }).sameHypervisor({ role: 'remote' })).toThrow(
      'the config has no two VMs on one hypervisor of role "remote" in one VNI',
    )
    expect(() => placement(site, { roles }).acrossHypervisors({ from: 'none' })).toThrow(
      'from one of role "none"',
    )
  })

  test('that are not there skip the test, and fail it under --strict with exit code 2', () => {
    const site = { h1: { vm1: {} } }
    expect(() => placement(site).acrossHypervisors()).toThrow(Skipped)
    expect(() => placement(site, { strict: true }).acrossHypervisors()).toThrow(
      expect.objectContaining({
        code: 'DPBENCH_CONFIG',
        exitCode: 2,
        message: expect.stringContaining('no two VMs on different hypervisors'),
      }),
    )
  })
})

describe('behind a NAT', () => {
  test('is the VM that the config gives one, towards another hypervisor', () => {
    const path = placement(classic).behindNat()
    expect(names(path)).toBe('vm3 → vm1')
    expect(path.nat).toEqual({ address: '10.10.20.20', ports: [10240, 10360] })
  })

  test('needs ports for all connections of the flows', () => {
    const small = { h1: { vm1: {} }, h2: { vm3: { nat: [10240, 10245] as const } } }
    expect(names(placement(small).behindNat({ flows: 2 }))).toBe('vm3 → vm1')
    expect(() => placement(small).behindNat()).toThrow(
      'the NAT 10.10.20.20 of vm3 (ports 10240 to 10245) holds 5 connections, and 3 flows of iperf3 need 6',
    )
    expect(() => placement(small).behindNat()).toThrow(Skipped)
    expect(() => placement(small, { strict: true }).behindNat()).toThrow(
      expect.objectContaining({ exitCode: 2 }),
    )
  })

  test('needs a peer elsewhere', () => {
    const alone = { h1: { vm1: { nat: [1, 100] as const }, vm2: {} }, h2: { vm3: { vni: 7 } } }
    expect(() => placement(alone).behindNat()).toThrow(
      'no VM with "nat" and a VM of its VNI on another hypervisor',
    )
  })
})

describe('behind the load balancer', () => {
  test('is its first machine, reached from a hypervisor that does not hold it', () => {
    const { from, backends, family } = placement(classic, { lb: {} }).loadBalanced()
    expect([from.name, backends.map(({ name }) => name), family]).toEqual(['vm1', ['vm3'], 'ipv4'])
  })

  test('are two machines, reached from a third', () => {
    const { from, backends } = placement(classic, { lb: { machines: ['vm3', 'vm1'] } }).loadBalanced({
      backends: 2,
    })
    expect([from.name, backends.map(({ name }) => name)]).toEqual(['vm2', ['vm3', 'vm1']])
  })

  test.each<[string, Options, RegExp]>([
    ['no load balancer', {}, /the config has no "lb"/],
    ['one machine too few', { lb: {} }, /1 of the 2 VMs/],
    ['nobody else', { lb: { machines: ['vm3', 'vm1'], vni: 8 } }, /no VM in VNI 8 that is not behind the lb/],
    [
      'no threshold',
      { lb: { machines: ['vm3', 'vm1'] }, expected: 0 },
      /write "lb" into expected_throughput/,
    ],
    [
      'only UDP',
      { lb: { machines: ['vm3', 'vm1'], ports: [{ protocol: 'UDP', port: 53 }] } },
      /passes TCP ports none/,
    ],
  ])('skips the test: %s', (_, options, reason) => {
    expect(() => placement(classic, options).loadBalanced({ backends: 2 })).toThrow(reason)
    expect(() => placement(classic, options).loadBalanced({ backends: 2 })).toThrow(Skipped)
  })
})
