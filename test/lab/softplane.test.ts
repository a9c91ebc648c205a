/** softplane's parts that need no privileges: its command lines, its output, its addresses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCommands } from '../../lab/softplane/image/cli/commands.ts'
import type { Document } from '../../lab/softplane/image/cli/document.ts'
import { resolveFlags, splitArguments, type Flag } from '../../lab/softplane/image/cli/flags.ts'
import { render, type Format } from '../../lab/softplane/image/cli/render.ts'
import { readConfiguration } from '../../lab/softplane/image/daemon/configuration.ts'
import {
  generateUnderlay,
  peerMac,
  tunnelEnd,
  underlayVni,
} from '../../lab/softplane/image/daemon/underlay.ts'
import {
  formatAddress,
  formatPrefix,
  maskPrefix,
  parseAddress,
  parsePrefix,
  type Address,
} from '../../lab/softplane/image/shared/addresses.ts'

const ports = [
  '--vdev=net_tap0,iface=dtap0,mac=22:00:00:00:00:10',
  '--vdev=net_tap1,iface=dtap1,mac=22:00:00:00:00:11',
  '--vdev=net_tap2,iface=dtapvf_0,mac=22:00:00:00:00:12',
]
const eal = ['-l', '0,1', '--no-pci', '--huge-unlink', '-m', '320', '--file-prefix=one', ...ports]
const own = ['--pf0=dtap0', '--pf1', 'dtap1', '--vf-pattern=dtapvf_', '--nic-type=tap', '--ipv6=fc00:1::1']
const withoutFile = { DP_CONF: '' }

function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed) throw new Error(text)
  return parsed
}

function masked(text: string): string | undefined {
  const prefix = parsePrefix(text)
  return prefix && formatPrefix(maskPrefix(prefix))
}

function read(argv: string[], path: string): string {
  return readConfiguration(argv, { DP_CONF: path }).options.ipv6
}

function command(verb: string, noun: string): ReturnType<typeof createCommands>[number] {
  const found = createCommands('0').find((one) => one.verb === verb && one.nouns[0] === noun)
  if (!found) throw new Error(`${verb} ${noun}`)
  return found
}

function show(verb: string, noun: string, format: Format, document: Document): string {
  const { view, operation } = command(verb, noun)
  return render(document, { format, pretty: false, operation: operation?.(document) ?? '', view })
}

describe('addresses', () => {
  test.each([
    ['FC00:1:0:0:0:0:0:1', 'fc00:1::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['10.0.0.1', '10.0.0.1'],
  ])('%s is printed as %s', (text, printed) => {
    expect(formatAddress(address(text))).toBe(printed)
  })

  test('a prefix loses its host bits', () => {
    expect(masked('1.2.3.4/24')).toBe('1.2.3.0/24')
    expect(masked('0.0.0.0/0')).toBe('0.0.0.0/0')
    expect(masked('2001:db8:1::5/64')).toBe('2001:db8:1::/64')
    for (const wrong of ['1.2.3.4', '1.2.3.4/33', 'x/1', '1.2.3.4/', '::/129'])
      expect(masked(wrong)).toBeUndefined()
  })

  test('a generated underlay address tells its VNI, and only such a one does', () => {
    const generated = generateUnderlay(address('fc00:1::1'), 0x123456, 7)
    expect(formatAddress(generated)).toBe('fc00:1::db00:1234:5600:7')
    expect(underlayVni(generated)).toBe(0x123456)
    expect(underlayVni(address('fc00:1::1'))).toBeUndefined()
  })

  test('tunnel ends differ by hypervisor, not by address; a port has another MAC address than its netdev', () => {
    expect(tunnelEnd(address('fc00:1::5'))).toEqual(tunnelEnd(address('fc00:1::6')))
    expect(tunnelEnd(address('fc00:1::5')).mac).not.toBe(tunnelEnd(address('fc00:2::5')).mac)
    expect(peerMac('22:00:00:00:00:10')).toMatch(/^02(:[0-9a-f]{2}){5}$/)
  })
})

describe("the daemon's command line", () => {
  test("dpservice's own in TAP mode is understood", () => {
    const { options, pf0, pf1, virtualFunctions } = readConfiguration(
      [...eal, '--', ...own, '--no-offload', '--enable-ipv6-overlay', '--no-stats', '--dhcp-mtu', '1400'],
      { ...withoutFile, DP_GRPC_PORT: '1400' },
    )
    expect(options).toMatchObject({ offload: false, ipv6Overlay: true, dhcpMtu: 1400, grpcPort: 1400 })
    expect([pf0.netdev, pf1?.netdev]).toEqual(['dtap0', 'dtap1'])
    expect(virtualFunctions).toEqual([{ device: 'net_tap2', netdev: 'dtapvf_0', mac: '22:00:00:00:00:12' }])
  })

  test.each([
    [['--bogus', '--', ...own], "unrecognized option '--bogus'"],
    [[...eal, '--', ...own, '--bogus'], "unrecognized option '--bogus'"],
    [[...eal, '--', ...own, '--dhcp-mtu=67'], "Value '67' is not in range 68-1500"],
    [[...eal, '--', ...own, '--no-offload=1'], "option '--no-offload' allows no argument"],
    [[...eal, '--', ...own, '--log-format'], "option '--log-format' requires an argument"],
    [[...eal, '--', ...own, '--ipv6=1.2.3.4'], "Invalid IPv6 address format: '1.2.3.4'"],
    [[...eal, '--', ...own, '--nic-type=mellanox'], 'no mellanox card'],
    [[...eal, '--', ...own, '--pf0=dtap7'], "--pf0=dtap7 is no --vdev port's iface"],
    [[...eal, '--vdev=net_tap3,iface=other,mac=22:00:00:00:00:13', '--', ...own], 'port other is neither'],
    [
      [...eal, '--vdev=net_tap3,iface=dtapvf_0,mac=22:00:00:00:00:13', '--', ...own],
      'two ports have the netdev',
    ],
    [[...eal, '--vdev=net_tap3,iface=dtapvf_1', '--', ...own], 'mac= must be a MAC address'],
    [['-l', 'x', ...ports, '--', ...own], "invalid core list 'x'"],
  ])('%# is refused: %j', (argv, reason) => {
    expect(() => readConfiguration(argv, withoutFile)).toThrow(reason)
  })

  test('the configuration file comes before the arguments, and its absence matters only when it was named', () => {
    const directory = mkdtempSync(join(tmpdir(), 'softplane-conf-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'dpservice.conf')
    const lines = [
      '# cards',
      'a-pf0 0000:01:00.0,class=rxq',
      'pf0 dtap0',
      'vf-pattern dtapvf_',
      'nic-type tap',
    ]
    writeFileSync(file, [...lines, 'pf1 dtap1', 'ipv6 fc00:1::1', 'no-stats', ''].join('\n'))
    expect(read(eal, file)).toBe('fc00:1::1')
    expect(read([...eal, '--', '--ipv6=fc00:2::1'], file)).toBe('fc00:2::1')
    expect(() => read(eal, join(directory, 'none'))).toThrow('Error opening config file')
    writeFileSync(file, 'bogus 1\n')
    expect(() => read(eal, file)).toThrow("unknown key 'bogus' on line 1")
  })
})

describe("the client's command line", () => {
  const flags: Record<string, Flag> = {
    id: { type: 'string' },
    vni: { type: 'uint32' },
    ipv4: { type: 'address', default: '::' },
    output: { type: 'string', short: 'o', default: '' },
    wide: { type: 'bool', short: 'w', default: false },
    'connect-timeout': { type: 'duration', default: 4000 },
  }
  const parse = (line: string): Readonly<Record<string, unknown>> => {
    const { words, given } = splitArguments(line.split(' '), flags)
    return { words, ...resolveFlags(flags, given) }
  }

  test('flags in all their forms, anywhere', () => {
    const expected = { words: ['create', 'interface'], id: 'a', vni: 7, output: 'json', wide: true }
    expect(parse('-o json create interface --id a --vni=7 -w')).toMatchObject(expected)
    expect(parse('create -ojson interface --id=a --vni 7 --wide=true')).toMatchObject(expected)
    expect(parse('x --id a --vni 1 --ipv4 FC00:0::1 --connect-timeout 1m30s')).toMatchObject({
      ipv4: 'fc00::1',
      'connect-timeout': 90_000,
    })
  })

  test.each([
    ['x --id a', 'required flag(s) "vni" not set'],
    ['x --id a --vni 4294967296', 'value out of range'],
    ['x --id a --vni -1', 'invalid syntax'],
    ['x --id a --vni 1 --ipv4 nonsense', 'unable to parse IP'],
    ['x --bogus 1', 'unknown flag: --bogus'],
    ['x --id', 'flag needs an argument: --id'],
  ])('%s is refused', (line, reason) => {
    expect(() => parse(line)).toThrow(reason)
  })
})

describe("the client's output", () => {
  const ok = { code: 0, message: 'Success' }
  const created = {
    id: 'vm1',
    vni: 100,
    device: 'net_tap2',
    ipv4: '10.0.0.1',
    ipv6: '2001:db8::1',
    underlayRoute: 'fc00:1::db00:0:6400:1',
    virtualFunction: 'dtapvf_0',
  }

  test('a created interface, in each format', () => {
    const document = command('create', 'interface').document(ok, { interface: created }, { id: 'vm1' })
    expect(JSON.parse(show('create', 'interface', 'json', document))).toEqual({
      kind: 'Interface',
      metadata: { id: 'vm1' },
      spec: {
        vni: 100,
        device: 'net_tap2',
        primary_ipv4: '10.0.0.1',
        primary_ipv6: '2001:db8::1',
        underlay_route: 'fc00:1::db00:0:6400:1',
        metering: {},
        virtual_function: { name: 'dtapvf_0' },
      },
      status: ok,
    })
    expect(show('create', 'interface', 'name', document)).toBe(
      'interface/vm1 created, underlay route: fc00:1::db00:0:6400:1\n',
    )
    const yaml = show('create', 'interface', 'yaml', document)
    expect(yaml).toContain('kind: Interface\nmetadata:\n  id: vm1\nspec:\n  device: net_tap2\n')
    expect(yaml).toContain('  primary_ipv6: "2001:db8::1"\n')
    const [header, row] = show('create', 'interface', 'table', document).split('\n')
    expect(header?.split(/\s+/).slice(1, 4)).toEqual(['ID', 'VNI', 'Device'])
    expect(row?.split(/\s+/).slice(1, 4)).toEqual(['vm1', '100', 'net_tap2'])
  })

  test('a refusal is the object with its status, and no table', () => {
    const refused = { code: 201, message: 'NOT_FOUND' }
    const document = command('get', 'interface').document(refused, {}, { id: 'vm9' })
    expect(document).toEqual({
      kind: 'Interface',
      metadata: { id: 'vm9' },
      spec: { vni: 0 },
      status: refused,
    })
    expect(show('get', 'interface', 'table', document)).toBe('interface/vm9 server error: 201, NOT_FOUND\n')
  })

  test('lists: sorted items, none, and refused', () => {
    const list = command('list', 'route')
    const routes = ['9.0.0.0/8', '10.0.0.0/8'].map((prefix) => ({
      prefix,
      nextHopVni: 0,
      nextHopIp: 'fc00:2::1',
    }))
    const document = list.document(ok, { routes }, { vni: 100 })
    expect(document).toMatchObject({ kind: 'RouteList', metadata: { vni: 100 } })
    expect('items' in document && document.items?.map(({ spec }) => spec)).toEqual([
      { prefix: '10.0.0.0/8', next_hop: { vni: 0, address: 'fc00:2::1' } },
      { prefix: '9.0.0.0/8', next_hop: { vni: 0, address: 'fc00:2::1' } },
    ])
    expect(list.document(ok, { routes: [] }, { vni: 1 })).toMatchObject({ items: [] })
    expect(list.document({ code: 206, message: 'NO_VNI' }, {}, { vni: 1 })).toMatchObject({ items: null })
  })
})
