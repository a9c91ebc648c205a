/**
 * softplane's network functions with real connections between two hypervisors, in both modes. Needs what
 * softplane.e2e.test.ts needs. Each test starts without routes and functions.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { TestEngine } from './softplane/engine.ts'
import { TestGuest } from './softplane/guest.ts'
import { connectUnderlay, TestHypervisor, type GuestSpec } from './softplane/hypervisor.ts'
import { Probe } from './softplane/guest-probe.ts'
import { missingRequirement } from './softplane/requirements.ts'

const vni = 100
const vm1: GuestSpec = { name: 'vm1', vni, ipv4: '10.1.0.1', ipv6: '2001:db8::1' }
const vm2: GuestSpec = { name: 'vm2', vni, ipv4: '10.1.0.2', ipv6: '2001:db8::2' }
const vm3: GuestSpec = { name: 'vm3', vni, ipv4: '10.2.0.3', ipv6: '2001:db8::3' }
const vm4: GuestSpec = { name: 'vm4', vni, ipv4: '10.2.0.4', ipv6: '2001:db8::4' }
const natIp = '10.9.0.1'
const vip = '10.20.30.30'
const addressOf3 = '10.77.0.1'
const prefixOf3 = '10.77.0.0/24'

const reason = await missingRequirement()
if (reason) process.stdout.write(`softplane-functions.e2e.test.ts skipped: ${reason}\n`)

describe.skipIf(reason)("softplane's network functions", { timeout: 180_000 }, () => {
  let engine: TestEngine
  let one: TestHypervisor
  let two: TestHypervisor
  let underlay: Record<string, string> = {}
  const guests: Record<string, TestGuest> = {}
  const probes: Record<string, Probe> = {}

  beforeAll(async () => {
    engine = await TestEngine.start()
    const { reference } = await buildSoftplaneImage({ dockerHost: engine.host, log: () => undefined })
    const specs = [
      { name: 'one', underlay: 'fc00:1::1', guests: [vm1, vm2] },
      { name: 'two', underlay: 'fc00:2::1', guests: [vm3, vm4] },
    ] as const
    one = await TestHypervisor.start(engine, reference, specs[0])
    two = await TestHypervisor.start(engine, reference, specs[1])
    await connectUnderlay(one, two)
    for (const host of [one, two]) {
      for (const spec of host.spec.guests) {
        const guest = await TestGuest.start(engine, host, spec)
        guests[spec.name] = guest
        await configure(guest)
        probes[spec.name] = await Probe.start(guest, [7000, 7001])
      }
    }
  }, 480_000)

  afterAll(async () => {
    await Promise.all(Object.values(probes).map((probe) => probe[Symbol.asyncDispose]()))
    await Promise.all(Object.values(guests).map((guest) => guest[Symbol.asyncDispose]()))
    await engine[Symbol.asyncDispose]()
  }, 180_000)

  /** The answers of servers to `count` connections at once. */
  async function connections(from: GuestSpec, to: string, count = 1, port = 7000): Promise<string[]> {
    return (await probes[from.name]?.connections(to, port, count)) ?? []
  }

  const by = (answers: readonly string[], name: string): number =>
    answers.filter((answer) => answer.startsWith(`${name} `)).length

  /** Commands that must succeed. Returns the underlay routes of what they made. */
  async function done(host: TestHypervisor, ...lines: string[]): Promise<string[]> {
    const documents = await host.script(lines)
    expect(documents.map(({ status }) => status.code)).toEqual(lines.map(() => 0))
    return documents.map(({ spec }) => String(spec?.underlay_route))
  }

  const routeLine = (prefix: string, hop: unknown): string =>
    `create route --vni ${vni} --prefix ${prefix} --next-hop-vni 0 --next-hop-ip ${hop}`
  const reset = `reset vni --vni ${vni}`
  const resetBoth = async (): Promise<unknown> => await Promise.all([done(one, reset), done(two, reset)])

  describe.each(['offload', 'non-offload'])('in %s mode', (mode) => {
    beforeAll(async () => {
      const own = mode === 'offload' ? [] : ['--no-offload']
      await Promise.all([one.startDataplane(own), two.startDataplane(own)])
      underlay = { ...(await one.configure()), ...(await two.configure()) }
    }, 180_000)

    afterAll(async () => {
      await engine.run(['rm', '--force', one.container, two.container])
    }, 180_000)

    afterEach(async () => {
      await resetBoth()
    })

    test('NAT gives as many connections as its range has ports, and again after a new start', async () => {
      const create = `create nat --interface-id vm3 --nat-ip ${natIp} --minport 1000 --maxport 1004`
      const [, first] = await done(two, routeLine('0.0.0.0/0', underlay.vm1), create)
      await done(one, routeLine(`${natIp}/32`, first))
      const all = [0, 1, 2, 3].map((port) => `vm1 ${natIp}:${1000 + port}`)
      expect((await connections(vm3, vm1.ipv4, 6)).toSorted()).toEqual(all)
      const [, again] = await done(two, 'delete nat --interface-id vm3', create)
      expect(again).toBe(first)
      expect((await connections(vm3, vm1.ipv4, 6)).toSorted()).toEqual(all)
      expect(await guests.vm3?.reaches(vm1.ipv4)).toBe(true)
      const shown = (await two.cli(['get', 'interface', '--id', 'vm3'])).document.spec?.nat
      expect(shown).toMatchObject({ kind: 'Nat', spec: { nat_ip: natIp, min_port: 1000, max_port: 1004 } })
    })

    test('a neighbour NAT sends on what another hypervisor translates', async () => {
      const [, nat = ''] = await done(
        two,
        routeLine('0.0.0.0/0', underlay.vm1),
        `create nat --interface-id vm3 --nat-ip ${natIp} --minport 1000 --maxport 1004`,
      )
      const neighbor = `neighbornat --nat-ip ${natIp} --vni ${vni} --minport 1000 --maxport`
      await done(one, `create ${neighbor} 1003 --underlayroute ${nat}`)
      const answers = await connections(vm3, vm1.ipv4, 6)
      expect(answers.toSorted()).toEqual([0, 1, 2].map((port) => `vm1 ${natIp}:${1000 + port}`))
      const [list] = await one.script(['list nats --nat-type neigh'])
      expect(list?.items).toMatchObject([{ kind: 'NeighborNat', spec: { underlay_route: nat, vni } }])
      await done(one, `delete ${neighbor} 1003`)
      expect(await connections(vm3, vm1.ipv4)).toEqual([])
    })

    test('a load balancer spreads connections over targets here and there', async () => {
      const prefixLine = (name: string): string => `create lbprefix --interface-id ${name} --prefix ${vip}/32`
      const targetLine = (target: unknown): string => `lbtarget --lb-id lb --target-ip ${target}`
      const [[, near], [, ...far]] = await Promise.all([
        done(
          one,
          `create loadbalancer --id lb --vni ${vni} --vip ${vip} --lbports TCP/7000,UDP/53`,
          prefixLine('vm2'),
        ),
        done(two, routeLine(`${vm1.ipv4}/32`, underlay.vm1), prefixLine('vm3'), prefixLine('vm4')),
      ])
      expect(await connections(vm1, vip)).toEqual([])
      expect(await one.code(`delete ${targetLine('fc00::1')}`)).toEqual([2, 421])
      await done(one, ...[near, ...far].map((target) => `create ${targetLine(target)}`))
      const answers = await connections(vm1, vip, 60)
      const shares = ['vm2', 'vm3', 'vm4'].map((name) => by(answers, name))
      expect(shares.reduce((sum, share) => sum + share)).toBe(60)
      for (const share of shares) expect(share).toBeGreaterThan(5)
      expect(await connections(vm1, vip, 3, 7001)).toEqual([])
      await done(one, ...[near, far[0]].map((target) => `delete ${targetLine(target)}`))
      expect(by(await connections(vm1, vip, 10), 'vm4')).toBe(10)
      await done(one, 'delete loadbalancer --id lb')
      expect(await connections(vm1, vip)).toEqual([])
    })

    test('a load balancer serves clients of another hypervisor', async () => {
      const prefixLine = (name: string): string => `create lbprefix --interface-id ${name} --prefix ${vip}/32`
      const [balancer, , near] = await done(
        two,
        `create loadbalancer --id lb --vni ${vni} --vip ${vip} --lbports TCP/7000`,
        routeLine(`${vm1.ipv4}/32`, underlay.vm1),
        prefixLine('vm3'),
      )
      const [, far] = await done(one, routeLine(`${vip}/32`, balancer), prefixLine('vm2'))
      await done(two, ...[near, far].map((target) => `create lbtarget --lb-id lb --target-ip ${target}`))
      const answers = await connections(vm1, vip, 40)
      expect(by(answers, 'vm2') + by(answers, 'vm3')).toBe(40)
      expect(by(answers, 'vm2')).toBeGreaterThan(5)
      expect(by(answers, 'vm3')).toBeGreaterThan(5)
      await done(two, reset)
      expect(await two.code('get loadbalancer --id lb')).toEqual([2, 201])
    })

    test('a virtual IP is a guest both ways, and a prefix is routed to it', async () => {
      const [, , virtual, prefix] = await done(
        two,
        routeLine('0.0.0.0/0', underlay.vm1),
        routeLine('10.99.0.0/16', underlay.vm1),
        `create virtualip --interface-id vm3 --vip ${natIp}`,
        `create prefix --interface-id vm3 --prefix ${prefixOf3}`,
      )
      await done(one, routeLine(`${natIp}/32`, virtual), routeLine(prefixOf3, prefix))
      expect(await connections(vm1, natIp)).toMatchObject([expect.stringContaining(`vm3 ${vm1.ipv4}:`)])
      expect(await connections(vm3, vm1.ipv4)).toMatchObject([expect.stringContaining(`vm1 ${natIp}:`)])
      expect(by(await connections(vm1, addressOf3), 'vm3')).toBe(1)
      await done(
        two,
        'delete virtualip --interface-id vm3',
        `delete prefix --interface-id vm3 --prefix ${prefixOf3}`,
      )
      expect(await connections(vm1, natIp)).toEqual([])
      expect(await connections(vm1, addressOf3)).toEqual([])
    })

    test('firewall rules accept and drop by direction, order and port, for whole connections', async () => {
      const rule = (guest: string, id: string, rest: string): string =>
        `create firewallrule --interface-id ${guest} --rule-id ${id} --dst 0.0.0.0/0 ${rest}`
      const to = (port: number): string =>
        `--protocol tcp --src-port-min -1 --dst-port-min ${port} --dst-port-max ${port}`
      await done(one, routeLine(`${vm3.ipv4}/32`, underlay.vm3))
      await done(
        two,
        routeLine(`${vm1.ipv4}/32`, underlay.vm1),
        rule('vm3', 'web', `--direction ingress --action accept --src 0.0.0.0/0 ${to(7000)}`),
      )
      const open = async (from: GuestSpec): Promise<number[]> => {
        const web = await connections(from, vm3.ipv4, 1, 7000)
        return [web.length, (await connections(from, vm3.ipv4, 1, 7001)).length]
      }
      expect([await open(vm1), await open(vm4)]).toEqual([
        [1, 0],
        [1, 0],
      ])
      // the guest's own connections do not come in by a rule, nor do answers to them
      expect(await connections(vm3, vm1.ipv4)).toHaveLength(1)
      await done(two, rule('vm3', 'not', `--direction 0 --action drop --src ${vm1.ipv4}/32 --priority 1`))
      expect([await open(vm1), await open(vm4)]).toEqual([
        [0, 0],
        [1, 0],
      ])
      await done(two, rule('vm4', 'out', `--direction egress --action accept --src 0.0.0.0/0 ${to(7001)}`))
      expect(await open(vm4)).toEqual([0, 0])
      await done(two, ...['web', 'not'].map((id) => `delete fwrule --interface-id vm3 --rule-id ${id}`))
      expect([await open(vm1), await open(vm4)]).toEqual([
        [1, 1],
        [0, 1],
      ])
      expect(await two.code('get fwrule --interface-id vm3 --rule-id web')).toEqual([2, 201])
    })
  })
})

/** Addresses as DHCP gives them, the virtual one and that of a prefix. */
async function configure(guest: TestGuest): Promise<void> {
  const lines = [
    `address add ${guest.spec.ipv4}/32 dev data`,
    'route add 169.254.0.1 dev data',
    'route add default via 169.254.0.1 dev data',
    ...(guest.spec === vm1 ? [] : [`address add ${vip}/32 dev lo`]),
    ...(guest.spec === vm3 ? [`address add ${addressOf3}/32 dev lo`] : []),
  ]
  for (const line of lines) await guest.run(['ip', ...line.split(' ')])
}
