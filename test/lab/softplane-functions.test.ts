/** softplane's network functions without a kernel: command lines, documents, and the rules that they become. */
import { describe, expect, test } from 'vitest'
import { createCommands } from '../../lab/softplane/image/cli/commands.ts'
import { ClientError, resolveFlags, splitArguments } from '../../lab/softplane/image/cli/flags.ts'
import { targetEnd } from '../../lab/softplane/image/daemon/underlay.ts'
import { createNat, deleteNat, getNat } from '../../lab/softplane/image/functions/nat.ts'
import { createLoadBalancer, createTarget } from '../../lab/softplane/image/functions/load-balancer.ts'
import { renderRules, waysOf } from '../../lab/softplane/image/functions/rules.ts'
import { Functions, type Guest, type Site } from '../../lab/softplane/image/functions/site.ts'
import { parseAddress, parsePrefix, type Address } from '../../lab/softplane/image/shared/addresses.ts'
import { ServiceError, success } from '../../lab/softplane/image/shared/status.ts'

const address = (text: string): Address => parseAddress(text)!
const own = address('fc00:2::1')
const context = { tunnel: 'vx100', own }
const vm3: Guest = { id: 'vm3', vni: 100, device: 'net_tap2', ipv4: '10.2.0.3', ipv6: '2001:db8::3' }

function rulesOf(functions: Functions): string {
  const marks = new Map([...waysOf(functions, context).keys()].map((key, index) => [key, 1000 + index]))
  return renderRules(functions, context, marks)
}

/** What `dpservice-cli` would ask of the service. @throws ClientError */
function parsed(line: string): {
  params: Readonly<Record<string, unknown>>
  command: ReturnType<typeof find>
} {
  const [verb = '', noun = '', ...rest] = line.split(' ')
  const command = find(verb, noun)
  const flags = resolveFlags(command.flags, splitArguments(rest, command.flags).given)
  return { params: command.params(flags), command }
}
const find = (verb: string, noun: string) =>
  createCommands('0').find((each) => each.verb === verb && each.nouns.includes(noun))!

/** A service whose kernel takes everything until told otherwise. */
function site(): Site & { vni: Functions; claimed: string[]; refuse: boolean; forgotten: string[] } {
  const vni = new Functions(100)
  return {
    vni,
    claimed: [],
    forgotten: [],
    refuse: false,
    ipv6Overlay: true,
    guest(id) {
      if (id !== 'vm3') throw new ServiceError('NO_VM')
      return vm3
    },
    functions(number) {
      if (number !== 100) throw new ServiceError('NO_VNI')
      return vni
    },
    all: () => [vni],
    async apply() {
      if (this.refuse) throw new Error('the kernel refuses')
    },
    async forgetConnections(_, ip) {
      this.forgotten.push(ip)
    },
    async claim() {
      this.claimed.push('fc00:2::db00')
      return address('fc00:2::db00')
    },
    async release() {
      this.claimed.pop()
    },
  }
}
const nat = { interfaceId: 'vm3', natIp: '10.9.0.1', minPort: 1000, maxPort: 1004, underlay: '::' }
const refusal = (name: string): object => expect.objectContaining({ message: name })

describe('commands', () => {
  test('say what the service is to do', () => {
    const { params, command } = parsed(
      'create nat --interface-id=vm3 --nat-ip=10.9.0.1 --minport=1000 --maxport=1004',
    )
    expect(command.method).toBe('CreateNat')
    expect(params).toEqual(nat)
    const lb = parsed('create lb --id=lb --vni=100 --vip=10.20.30.30 --lbports=TCP/443,udp/53').params
    expect(lb.ports).toEqual([
      { protocol: 6, port: 443 },
      { protocol: 17, port: 53 },
    ])
    const rule =
      'create fwrule --interface-id=vm3 --rule-id=r --direction=ingress --src=0.0.0.0/0 --dst=0.0.0.0/0'
    expect(parsed(`${rule} --action=allow --protocol=tcp --dst-port-min=80`).params).toMatchObject({
      action: 'accept',
      direction: 'ingress',
      filter: { protocol: 'tcp', sourcePorts: [-1, -1], destinationPorts: [80, -1] },
    })
  })

  test.each([
    'create lb --id=lb --vni=100 --vip=10.20.30.30 --lbports=443',
    'create lb --id=lb --vni=100 --vip=10.20.30.30 --lbports=TCP/70000',
    'create nat --interface-id=vm3 --nat-ip=10.9.0 --minport=1 --maxport=2',
    'list nats --nat-type=mine',
    'create fwrule --interface-id=a --rule-id=r --direction=up --action=drop --src=0.0.0.0/0 --dst=0.0.0.0/0',
  ])('%s is refused by the client', (line) => {
    expect(() => parsed(line)).toThrow(ClientError)
  })

  test('print documents of the form that dpservice-cli prints', () => {
    const { command } = parsed('get nat --interface-id=vm3')
    const found = { ...nat, underlayRoute: 'fc00:2::db00', vni: 100 }
    expect(command.document(success, { nat: found }, { 'interface-id': 'vm3' })).toEqual({
      kind: 'Nat',
      metadata: { interface_id: 'vm3' },
      spec: { nat_ip: '10.9.0.1', min_port: 1000, max_port: 1004, underlay_route: 'fc00:2::db00', vni: 100 },
      status: success,
    })
  })
})

describe('the service', () => {
  test('gives a NAT an underlay address, and takes all of it back', async () => {
    const service = site()
    expect(await createNat(service, nat)).toMatchObject({ underlayRoute: 'fc00:2::db00', vni: 100 })
    await expect(createNat(service, nat)).rejects.toEqual(refusal('SNAT_EXISTS'))
    await deleteNat(service, 'vm3')
    expect([service.claimed, service.forgotten]).toEqual([[], ['10.9.0.1']])
    expect(() => getNat(service, 'vm3')).toThrow('SNAT_NO_DATA')
  })

  test('keeps nothing of what the kernel refuses', async () => {
    const service = site()
    service.refuse = true
    await expect(createNat(service, nat)).rejects.toThrow('the kernel refuses')
    expect([service.claimed, service.vni.nats.size]).toEqual([[], 0])
  })

  test("refuses by dpservice's codes", async () => {
    const service = site()
    await expect(createNat(service, { ...nat, interfaceId: 'vm9' })).rejects.toEqual(refusal('NO_VM'))
    await expect(createNat(service, { ...nat, natIp: '::1' })).rejects.toEqual(refusal('BAD_IPVER'))
    await expect(createNat(service, { ...nat, maxPort: 1000 })).rejects.toThrow('no range')
    const lb = { id: 'lb', vni: 7, vip: '10.20.30.30', ports: [{ protocol: 6, port: 80 }], underlay: '::' }
    await expect(createLoadBalancer(service, lb)).rejects.toEqual(refusal('NO_VNI'))
    await expect(createTarget(service, 'lb', 'fc00:1::2')).rejects.toEqual(refusal('NO_LB'))
  })
})

describe('rules', () => {
  test('are none where there are no functions', () => {
    expect(rulesOf(new Functions(100))).not.toMatch(/chain|\{/)
  })

  test("translate to the ports below the range's end, and drop what nobody asked for", () => {
    const functions = new Functions(100)
    functions.nats.set('vm3', { guest: vm3, ip: '10.9.0.1', minPort: 1000, maxPort: 1004, underlay: own })
    const rules = rulesOf(functions)
    expect(rules).toContain('ip saddr 10.2.0.3 meta l4proto { tcp, udp } snat ip to 10.9.0.1:1000-1003')
    expect(rules).toContain('meta mark 0 ip daddr 10.9.0.1 drop')
  })

  test('choose a target by a hash that every node makes alike', () => {
    const balancer = (targets: readonly string[]): string => {
      const functions = new Functions(100)
      functions.loadBalancers.set('lb', {
        id: 'lb',
        vni: 100,
        ip: address('10.20.30.30'),
        ports: [{ protocol: 6, port: 5201 }],
        underlay: own,
        targets: new Map(targets.map((target) => [target, address(target)])),
      })
      const marks = new Map([
        ['target fc00:1::a 4', 1],
        ['target fc00:1::b 4', 2],
      ])
      return renderRules(functions, context, marks)
    }
    const rules = balancer(['fc00:1::a', 'fc00:1::b'])
    expect(rules).toMatch(/tcp dport \{ 5201 \} meta mark set jhash .* mod 2 .* map \{ 0 : 1, 1 : 2 \}/)
    expect(balancer(['fc00:1::b', 'fc00:1::a'])).toBe(rules)
    expect(balancer([])).not.toContain('jhash')
    expect(balancer([])).toContain('meta mark 0 ip daddr 10.20.30.30 drop')
  })

  test('bring a load-balanced prefix to its guest by the MAC address of its underlay address', () => {
    const functions = new Functions(100)
    const underlay = address('fc00:2::db00')
    const prefix = parsePrefix('10.20.30.30/32')!
    functions.balancedPrefixes.set('vm3 10.20.30.30/32', { guest: vm3, prefix, underlay })
    expect(rulesOf(functions)).toContain(`ether daddr ${targetEnd(underlay).mac} meta pkttype set host`)
    expect([...waysOf(functions, context).values()]).toEqual([
      { to: 'guest', family: 4, device: 'net_tap2', gateway: '10.2.0.3' },
    ])
  })

  test('of a firewall go by priority, and a direction without rules stays open', () => {
    const functions = new Functions(100)
    const rule = { direction: 'ingress', source: '0.0.0.0/0', destination: '0.0.0.0/0' } as const
    functions.firewalls.set('vm3', {
      guest: vm3,
      rules: new Map([
        ['late', { ...rule, id: 'late', action: 'accept', priority: 9 }],
        ['early', { ...rule, id: 'early', action: 'drop', priority: 1, source: '10.1.0.1/32' }],
      ]),
    })
    const rules = rulesOf(functions)
    expect(rules).toMatch(/ip saddr 10\.1\.0\.1\/32 drop\nmeta nfproto ipv4 return\ndrop/)
    expect(rules).toContain('oifname "net_tap2" jump ingress-0')
    expect(rules).not.toContain('iifname "net_tap2" jump')
  })
})
