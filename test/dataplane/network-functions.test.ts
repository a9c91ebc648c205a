/** What NAT and load balancer give dpservice, in which order, and that nothing of it stays, whatever fails. */
import { describeError } from '../../src/core/errors.ts'
import { describe, expect, test } from 'vitest'
import { makeLoadBalancer, makeNat } from '../../src/dataplane/dpservice/network-functions.ts'
import { type TwoHypervisors, twoHypervisors } from './recorded-dpservice.ts'

const nat = { address: '10.10.20.20', ports: [10240, 10360] } as const

const natOf = (site: TwoHypervisors): ReturnType<typeof makeNat> =>
  makeNat(site.deployment, { vm: site.vm3, peer: site.vm1, ...nat })

const balancerOf = (site: TwoHypervisors): ReturnType<typeof makeLoadBalancer> =>
  makeLoadBalancer(site.deployment, {
    name: 'test_lb',
    address: '10.20.30.30',
    ports: [
      { protocol: 'TCP', port: 5201 },
      { protocol: 'TCP', port: 50007 },
    ],
    vni: 100,
    nodes: [site.h2.hypervisor()],
    backends: [site.vm3, site.vm2],
    clients: [site.vm1],
  })

const left = ({ h1, h2, journal }: TwoHypervisors): string[] => [
  ...h1.objects.keys(),
  ...h2.objects.keys(),
  ...journal.pending,
]

describe('NAT', () => {
  test('is made on the hypervisor of the VM, with the routes of the old suite', async () => {
    const site = twoHypervisors()
    await natOf(site)
    expect(site.h2.commands).toEqual([
      'create nat --interface-id=vm3 --nat-ip=10.10.20.20 --minport=10240 --maxport=10360',
      'create route --prefix=0.0.0.0/0 --vni=100 --next-hop-vni=0 --next-hop-ip=fc00:a::1',
    ])
    expect(site.h1.commands).toEqual([
      'create route --prefix=10.10.20.20/32 --vni=100 --next-hop-vni=0 --next-hop-ip=fc00:2::1',
    ])
    expect(site.journal.pending).toHaveLength(3)
  })

  test('undo takes back all of it, once', async () => {
    const site = twoHypervisors()
    const made = await natOf(site)
    await made.undo()
    expect(left(site)).toEqual([])
    const { length } = site.h2.commands
    await made.undo()
    expect(site.h2.commands).toHaveLength(length)
  })

  test.each([
    ['the NAT', /create nat/],
    ['the first route', /create route.*10\.10\.20\.20/],
    ['the last route', /create route.*0\.0\.0\.0/],
  ])('when %s is refused nothing stays, and the refusal is told with its code', async (_, pattern) => {
    const site = twoHypervisors()
    site.h1.refuse = site.h2.refuse = { pattern, code: 343, message: 'SNAT_EXISTS' }
    await expect(natOf(site)).rejects.toThrow(/SNAT_EXISTS \(343, SNAT exists\)/)
    expect(left(site)).toEqual([])
  })

  test('what cannot be taken back stays in the journal, and is told beside the cause', async () => {
    const site = twoHypervisors()
    site.h1.refuse = { pattern: /create route/, code: 303, message: 'ROUTE_INSERT' }
    site.h2.refuse = { pattern: /delete nat/, code: 101, message: 'BAD_REQUEST' }
    await expect(natOf(site)).rejects.toThrow(/ROUTE_INSERT[\s\S]*taking back failed[\s\S]*BAD_REQUEST/)
    expect(site.journal.pending).toEqual(['+NAT 10.10.20.20 of vm3 on hypervisor-2 #1'])
    expect([...site.h2.objects.keys()]).toEqual(['nat vm3'])
  })

  test('reset makes it anew, with the new underlay address in the route', async () => {
    const site = twoHypervisors()
    const made = await natOf(site)
    await made.reset()
    expect(site.h1.commands.at(-1)).toContain('--next-hop-ip=fc00:2::3')
    await made.check()
    await made.undo()
    expect(left(site)).toEqual([])
  })

  test('a reset that fails leaves nothing', async () => {
    const site = twoHypervisors()
    const made = await natOf(site)
    site.h1.refuse = { pattern: /create route/, code: 303, message: 'ROUTE_INSERT' }
    await expect(made.reset()).rejects.toThrow('ROUTE_INSERT')
    await made.undo()
    expect(left(site)).toEqual([])
  })

  test('check tells when dpservice has lost it', async () => {
    const site = twoHypervisors()
    const made = await natOf(site)
    await made.check()
    site.h2.objects.set('nat vm3', { 'nat-ip': '10.10.20.20', minport: '10240', maxport: '10300' })
    await expect(made.check()).rejects.toThrow(
      /ports 10240 to 10360, and has 10.10.20.20 with 10240 to 10300/,
    )
    site.h2.objects.delete('nat vm3')
    await expect(made.check()).rejects.toThrow('NOT_FOUND (201, not found)')
  })

  test('an object that is gone already is no failure of the undo', async () => {
    const site = twoHypervisors()
    const made = await natOf(site)
    site.h2.objects.clear()
    await made.undo()
    expect(left(site)).toEqual([])
  })

  test('an answer of another form is told as such, and taken back', async () => {
    const site = twoHypervisors()
    const { run } = site.h2
    site.h2.run = (argv) => {
      const result = run.call(site.h2, argv)
      return { ...result, stdout: result.stdout.replace('underlay_route', 'underlay') }
    }
    await expect(natOf(site)).rejects.toThrow(
      /the answer to `dpservice-cli create nat .*` is not understood: spec.underlay_route/,
    )
    expect(left(site)).toEqual([])
  })
})

describe('load balancer', () => {
  test('gets a prefix and a target for each backend, and routes both ways', async () => {
    const site = twoHypervisors()
    await balancerOf(site)
    expect(site.h2.commands).toEqual([
      'create loadbalancer --id=test_lb --vni=100 --vip=10.20.30.30 --lbports=TCP/5201,TCP/50007',
      'create lbprefix --prefix=10.20.30.30/32 --interface-id=vm3',
      'create lbtarget --target-ip=fc00:2::2 --lb-id=test_lb',
      'create lbtarget --target-ip=fc00:1::1 --lb-id=test_lb',
      'create route --prefix=10.200.1.4/32 --vni=100 --next-hop-vni=0 --next-hop-ip=fc00:a::1',
    ])
    expect(site.h1.commands).toEqual([
      'create lbprefix --prefix=10.20.30.30/32 --interface-id=vm2',
      'create route --prefix=10.20.30.30/32 --vni=100 --next-hop-vni=0 --next-hop-ip=fc00:2::1',
    ])
  })

  test('is taken back newest first on each hypervisor', async () => {
    const site = twoHypervisors()
    const made = await balancerOf(site)
    await made.undo()
    expect(site.h2.commands.slice(-5).map((command) => command.split(' ', 2).join(' '))).toEqual([
      'delete route',
      'delete lbtarget',
      'delete lbtarget',
      'delete lbprefix',
      'delete loadbalancer',
    ])
    expect(left(site)).toEqual([])
  })

  test.each([/create lbprefix/, /create lbtarget.*fc00:1/, /create route.*10\.20\.30\.30/])(
    'refused at %s, nothing of it stays',
    async (pattern) => {
      const site = twoHypervisors()
      site.h1.refuse = site.h2.refuse = { pattern, code: 423, message: 'BACKIP_ADD' }
      const refused = await balancerOf(site).then(() => 'made', describeError)
      expect(refused).toContain('BACKIP_ADD')
      expect(left(site)).toEqual([])
    },
  )

  test('check names the target that is gone', async () => {
    const site = twoHypervisors()
    const made = await balancerOf(site)
    await made.check()
    site.h2.objects.delete('lbtarget test_lb fc00:1::1')
    await expect(made.check()).rejects.toThrow(
      'hypervisor-2: the load balancer test_lb has lost the target fc00:1::1',
    )
  })
})
