/** How fast a hypervisor's line is: what its devices tell, and that a virtual device's figure is not believed. */
import { expect, test } from 'vitest'
import { portNames, speedOf, uplinkSpeed } from '../../src/dataplane/dpservice/uplink.ts'
import type { Hypervisor } from '../../src/machine/hypervisor.ts'
import { LocalHost } from '../../src/transport/local-host.ts'
import { ceilingOn, lineOf } from '../../src/vitest/ceiling.ts'
import type { VirtualMachine } from '../../src/machine/virtual-machine.ts'

test('the physical ports of dpservice, by its own arguments', () => {
  expect(portNames(['--pf0=dtap0', '--pf1', 'eth1', '--ipv6=fc00::1'])).toEqual(['dtap0', 'eth1'])
  expect(portNames(['--pf0=a', '--pf0=b', '--pf1'])).toEqual(['b'])
  expect(portNames(['--enable-ipv6-overlay'])).toEqual([])
})

test.for([
  ['eth0 eth0 physical up 25000\n', 25e9, 'eth0 on h1'],
  ['eth0 eth0 physical up 25000\neth1 eth1 physical up 25000\n', 50e9, 'eth0 and eth1 on h1'],
  // one that is down carries nothing; two ports behind one device are as fast as that
  ['eth0 eth0 physical up 100000\neth1 eth1 physical down -1\n', 100e9, 'eth0 on h1'],
  ['dtap0 eth0 physical up 1000\ndtap1 eth0 physical up 1000\n', 1e9, 'eth0 on h1'],
] as const)('known: %s', ([text, bitsPerSecond, detail]) => {
  expect(speedOf('h1', text)).toEqual({ state: 'known', bitsPerSecond, detail })
})

test.for([
  ['', /neither its arguments nor dpservice.conf on h1 say/],
  ['dtap0 dtap0 virtual up 10000\n', /^there is no hardware, and so no line rate, behind dtap0 on h1$/],
  [
    'eth0 eth0 physical up 25000\ndtap1 dtap1 virtual up 10\n',
    /^there is no hardware, .* behind dtap1 on h1$/,
  ],
  ['eth0 eth0 physical up -1\n', /^the driver of eth0 on h1 tells no speed$/],
  ['eth0 eth0 physical up -\n', /^the driver of eth0 on h1 tells no speed$/],
  ['eth0 eth0 absent - -\n', /^nothing is up of eth0 on h1$/],
  ['eth0 eth0 physical down -1\neth1 eth1 physical down -1\n', /^nothing is up of eth0 and eth1 on h1$/],
] as const)('unknown: %s', ([text, reason]) => {
  expect(speedOf('h1', text)).toEqual({ state: 'unknown', reason: expect.stringMatching(reason) })
})

/** This machine in the place of a hypervisor: the script is the real one. */
const local = { name: 'h1', ssh: new LocalHost() } as unknown as Hypervisor

test('a real loopback is no line, and without a port or a conf nobody knows', async () => {
  expect(await uplinkSpeed(local, { arguments: ['--pf0=lo'], environment: {} })).toEqual({
    state: 'unknown',
    reason: 'there is no hardware, and so no line rate, behind lo on h1',
  })
  expect(await uplinkSpeed(local, { arguments: [], environment: { DP_CONF: '' } })).toMatchObject({
    reason: expect.stringContaining('neither its arguments nor dpservice.conf'),
  })
})

const known = (gigabits: number, detail: string) =>
  ({ state: 'known', bitsPerSecond: gigabits * 1e9, detail }) as const
const inner = { mtu: 1500, family: 'ipv4' } as const

test('the slower end bounds a line, inside the tunnel', () => {
  const line = { tunnelBytes: 40, speeds: [known(100, 'eth0 on h1'), known(10, 'eth0 on h2')] }
  const ceiling = ceilingOn(line, inner)
  expect(ceiling).toEqual({
    state: 'known',
    bitsPerSecond: expect.closeTo((10e9 * 1448) / 1578, 0),
    basis: '91.76 % of 10 Gbit/s (MTU 1500, ipv4 inside a tunnel of 40 B), eth0 on h2',
  })
})

test('an end that nobody knows leaves it unknown, in the same words both ways', () => {
  const [a, b] = ['b has none', 'a has none'].map((reason) => ({ state: 'unknown', reason }) as const)
  const there = ceilingOn({ tunnelBytes: 40, speeds: [a!, b!] }, inner)
  expect(there).toEqual({ state: 'unknown', reason: 'a has none; b has none' })
  expect(ceilingOn({ tunnelBytes: 40, speeds: [b!, a!] }, inner)).toEqual(there)
  expect(ceilingOn({ tunnelBytes: 40, speeds: [known(10, 'x'), a!] }, inner)?.state).toBe('unknown')
  expect(ceilingOn(undefined, inner)).toBeUndefined()
})

test('only where all receivers are in one place is there one line', async () => {
  const [h1, h2] = [{}, {}] as Hypervisor[]
  const vm = (hypervisor: Hypervisor): VirtualMachine => ({ hypervisor }) as VirtualMachine
  const line = { tunnelBytes: 40, speeds: [] }
  const dataplane = { lineBetween: () => Promise.resolve(line) }
  expect(await lineOf(dataplane, vm(h1!), [vm(h2!), vm(h2!)])).toBe(line)
  expect(await lineOf(dataplane, vm(h1!), [vm(h1!), vm(h2!)])).toBeUndefined()
})
