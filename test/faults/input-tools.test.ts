/** What tools print, cut and altered: each reader returns what it could read, or says what it could not. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { DpserviceClient } from '../../src/dataplane/dpservice/client.ts'
import { DpdkCounters, givenTo, takenFrom } from '../../src/dataplane/dpservice/telemetry.ts'
import { parseReplies } from '../../src/dataplane/dpservice/telemetry-script.ts'
import { parseFrames } from '../../src/traffic/frames.ts'
import { endOf, parseIperf2 } from '../../src/traffic/iperf2/parse.ts'
import { parseIperf3 } from '../../src/traffic/iperf3/parse.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { parseSockets } from '../../src/traffic/kernel-sockets.ts'
import { parsePing } from '../../src/traffic/ping.ts'
import { parseSockperf } from '../../src/traffic/sockperf.ts'
import { parseDomain, parseNetwork } from '../../src/transport/libvirt/documents.ts'
import { parseInterfaceAddresses } from '../../src/transport/libvirt/interface-addresses.ts'
import { damaged, damagedJson } from './support/mutations.ts'
import { property, survives } from './support/property.ts'
import { network, printed, refuseNonsense } from './support/outputs.ts'

const fixtures = path.resolve(import.meta.dirname, '../traffic/fixtures')
const read = (...parts: string[]): string => readFileSync(path.join(fixtures, ...parts), 'utf8')
const named = (folder: string, pattern: RegExp): string[] =>
  readdirSync(path.join(fixtures, folder)).filter((name) => pattern.test(name))

property(
  'iperf3 output cut and altered: a fault in words, or figures that are figures',
  { counted: 'outputs', quick: 200, whole: 5000 },
  async (tally) => {
    const sound = parseIperf3(read('iperf3', 'plain.server.json'))
    const outputs = named('iperf3', /\.json$/).map((name) => read('iperf3', name))
    const texts = fc
      .constantFrom(...outputs)
      .chain((text) => fc.oneof(damaged(text), damagedJson(JSON.parse(text))))
    const plan = { warmUpSeconds: 0, keptSeconds: 2, warmDownSeconds: 0 }
    await tally.random(
      fc.tuple(texts, fc.constantFrom('TCP' as const, 'UDP' as const)),
      async ([text, protocol]) => {
        await survives(() => {
          const output = parseIperf3(text, protocol)
          if (output.state === 'faulty' && output.faults.some((fault) => fault.trim() === ''))
            throw new TypeError('a fault without a word')
          const [client, server] = [output, sound].map((each) => ({ machine: 'vm', output: each }))
          refuseNonsense(alignFlows([{ name: 'f', client: client!, server: server! }], plan))
          refuseNonsense(alignFlows([{ name: 'f', client: server!, server: client! }], plan))
        })
      },
    )
  },
)

property(
  'iperf2, sockperf, ping, ss and process frames cut and altered',
  { counted: 'outputs', quick: 150, whole: 2500 },
  async (tally) => {
    const iperf2 = fc.constantFrom(...named('iperf2', /csv$/).map((name) => read('iperf2', name)))
    const end = { side: 'server', version: 'iperf 2', launchedAtMs: 1, seconds: 4 } as const
    const frames = '5201 at 20\n1732193087408263000\n5201 status 1\n05201 out 2\n{}5201 err 0\n'
    const outputs = fc.oneof(
      iperf2.chain(damaged).map((text) => () => {
        const found = parseIperf2(text, 5001)
        for (const each of found) refuseNonsense(endOf(each, end))
      }),
      fc
        .constantFrom('tcp.txt', 'udp.txt')
        .chain((name) => damaged(read('sockperf', name)))
        .map((text) => () => {
          refuseNonsense(parseSockperf(text))
        }),
      damaged(read('ping', 'loopback.txt')).map((text) => () => {
        refuseNonsense(parsePing(text))
      }),
      damaged(read('ss', 'mss.txt')).map((text) => () => {
        for (const socket of parseSockets(text).values()) refuseNonsense(socket)
      }),
      damaged(frames).map((text) => () => {
        for (const one of parseFrames(printed(text)).values()) refuseNonsense(one)
      }),
    )
    await tally.random(outputs, survives)
  },
)

const domain = `<domain type='kvm' id='3'><name>vm1</name><uuid>0e9a0a4e-3f7f-4a41-b7a5-56ad1a3c9a10</uuid>
<metadata><dpbench:provisioned xmlns:dpbench="https://github.com/ironcore-dev/dpbench/domain/1" environment="e" run="r" spec="s" host-key="k" origin="o"/></metadata>
<devices><disk type='file'><source file='/d/vm1.qcow2'/></disk><interface type='network'><mac address='52:54:00:AA:bb:01'/></interface>
<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x8a' slot='0x00' function='0x4'/></source></hostdev>
<serial type='pty'><log file='/l'/></serial></devices></domain>`
const leases = ` Name       MAC address          Protocol     Address
-------------------------------------------------------
 vnet0      52:54:00:AA:bb:01    ipv4         192.168.122.61/24
 vnet1      52:54:00:aa:bb:02    N/A          N/A
`
const entities = `<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]><domain><name>&a;&c;</name></domain>`

property(
  "virsh's documents and tables cut and altered",
  { counted: 'outputs', quick: 150, whole: 3000 },
  async (tally) => {
    const documents = fc.constantFrom(domain, network, entities).chain(damaged)
    const outputs = fc.oneof(
      documents.map((text) => () => {
        const { name } = parseDomain(text)
        if (name.includes('root:')) throw new TypeError('it read /etc/passwd')
      }),
      documents.map((text) => () => parseNetwork(text)),
      damaged(leases).map((text) => () => parseInterfaceAddresses(text)),
    )
    await tally.random(outputs, survives)
    const depth = 20_000
    await tally.try('nested deep', async () => {
      await survives(() => parseDomain(`${'<domain>'.repeat(depth)}${'</domain>'.repeat(depth)}`))
      return []
    })
  },
)

const answers = [
  {
    kind: 'InterfaceList',
    metadata: { id: 'vm1' },
    spec: { underlay_route: 'fc00::1' },
    status: { code: 0, message: 's' },
  },
  {
    kind: 'RouteList',
    items: [{ spec: { prefix: '10.0.0.0/24', next_hop: { vni: 66, ip: 'fc00::2' } } }],
    status: { code: 0, message: 'success' },
  },
  { spec: { nat_ip: '10.10.20.20', min_port: 1, max_port: 2 }, status: { code: 201, message: 'NOT_FOUND' } },
  { spec: { service_name: 'dpservice', service_version: '0.3' }, status: { code: 0 } },
]

property(
  "dpservice-cli's answers and DPDK's telemetry cut and altered",
  { counted: 'answers', quick: 150, whole: 3000 },
  async (tally) => {
    const greeting = { version: 'DPDK 24', pid: 1, max_output_len: 16_384 }
    const count = { '/dp_service/graph/obj_count': { node_0: { 'rx-2-0': 5, 'tx-2': 7 } } }
    const telemetry = [greeting, { '/ethdev/list': [2] }, { '/ethdev/info': { name: 'net_tap2' } }, count]
    const cli = fc.tuple(fc.constantFrom(...answers).chain(damagedJson), fc.constantFrom(0, 1, 127))
    const dpdk = fc.constantFrom(...telemetry).chain(damagedJson)
    const outputs = fc.oneof(
      cli.map(([text, exitCode]) => async () => {
        const client = new DpserviceClient('hypervisor-1', async () => printed(text, exitCode))
        const calls = [
          () => client.version(),
          () => client.listInterfaces(),
          () => client.listRoutes(66),
          () => client.getNat('vm1'),
          () => client.listBalancerTargets('lb'),
        ]
        for (const call of calls) await survives(call)
      }),
      fc.tuple(dpdk, dpdk).map(([one, two]) => async () => {
        const counters = new DpdkCounters(async () => parseReplies(one + two))
        await survives(() => counters.port('net_tap2'))
        await survives(async () => {
          const objects = await counters.objects()
          refuseNonsense([takenFrom(objects, 2), givenTo(objects, 2)])
        })
      }),
    )
    await tally.random(outputs, survives)
  },
)
