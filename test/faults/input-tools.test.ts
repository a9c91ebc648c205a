/** What tools print, cut and altered: each reader returns what it could read, or says what it could not. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import type { CommandResult } from '../../src/core/command-result.ts'
import { parseLibvirt, parseSocket, parseSystem, sectionsOf } from '../../src/doctor/parse-facts.ts'
import { DpserviceClient } from '../../src/dataplane/dpservice/client.ts'
import { DpdkCounters, givenTo, takenFrom } from '../../src/dataplane/dpservice/telemetry.ts'
import { parseReplies } from '../../src/dataplane/dpservice/telemetry-script.ts'
import { parseMachineState } from '../../src/environment/machine-state.ts'
import { monitorReader } from '../../src/guest-run/launch/monitor-events.ts'
import { parseReading, parseSampling } from '../../src/machine/counters/reading.ts'
import { guestFacts, guestLinks } from '../../src/machine/guest-network.ts'
import { kernelTrouble } from '../../src/machine/kernel-trouble.ts'
import { hmpAnswer, parseMonitorLine, qmpAnswer } from '../../src/machine/monitor.ts'
import { parsePpm } from '../../src/machine/png.ts'
import { parseEvent } from '../../src/machine/qemu-events.ts'
import { parseFrames } from '../../src/traffic/frames.ts'
import { endOf, parseIperf2 } from '../../src/traffic/iperf2/parse.ts'
import { parseIperf3 } from '../../src/traffic/iperf3/parse.ts'
import { alignFlows } from '../../src/traffic/iperf3/window.ts'
import { parseSockets } from '../../src/traffic/kernel-sockets.ts'
import { machineFacts } from '../../src/traffic/machine-facts.ts'
import { parsePing } from '../../src/traffic/ping.ts'
import { parseSockperf } from '../../src/traffic/sockperf.ts'
import type { TrafficEnd } from '../../src/machine/traffic-end.ts'
import { findCredentials } from '../../src/transport/docker/credentials.ts'
import { ImageArchive } from '../../src/transport/docker/image-archive.ts'
import type { RemoteHost } from '../../src/transport/host.ts'
import { parseDomain, parseNetwork } from '../../src/transport/libvirt/documents.ts'
import { parseInterfaceAddresses } from '../../src/transport/libvirt/interface-addresses.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { systemSections } from '../doctor/recorded.ts'
import { damaged, damagedJson, nastyText } from './support/mutations.ts'
import { property, survives } from './support/property.ts'

const fixtures = path.resolve(import.meta.dirname, '../traffic/fixtures')
const read = (...parts: string[]): string => readFileSync(path.join(fixtures, ...parts), 'utf8')
const named = (folder: string, pattern: RegExp): string[] =>
  readdirSync(path.join(fixtures, folder)).filter((name) => pattern.test(name))

/** A command's result with this output. */
const printed = (stdout: string, exitCode = 0): CommandResult => ({
  host: 'vm1',
  argv: ['x'],
  exitCode,
  signal: null,
  stdout,
  stderr: '',
  durationMs: 1,
  timedOut: false,
})

/** A machine on which every command prints this. */
function saying(stdout: string): RemoteHost {
  const result = async (): Promise<CommandResult> => printed(stdout)
  return { name: 'vm1', run: result, tryRun: result } as unknown as RemoteHost
}

/** A figure that is none must not be reported as one. */
function refuseNonsense(value: unknown, where = 'the figures'): void {
  if (typeof value === 'number' && Number.isNaN(value)) throw new TypeError(`${where}: NaN`)
  if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) refuseNonsense(member, `${where}.${key}`)
}

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
const network = `<network><name>default</name><uuid>u</uuid><forward mode='nat'/><bridge name='virbr0'/>
<ip address='192.168.122.1'><dhcp><range start='1' end='2'/><host mac='52:54:00:00:00:0A' ip='192.168.122.10'/></dhcp></ip></network>`
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

const links = [
  {
    ifname: 'eth1',
    link_type: 'ether',
    address: '52:54:00:00:00:01',
    mtu: 1500,
    operstate: 'UP',
    flags: ['UP'],
    addr_info: [{ family: 'inet', local: '10.0.0.1', prefixlen: 24 }],
  },
]

property(
  'what machines tell of themselves (ip, /proc, QEMU, the doctor’s script), cut and altered',
  { counted: 'outputs', quick: 150, whole: 3000 },
  async (tally) => {
    const sampling = readFileSync(
      new URL('../machine/counters/fixtures/busy-core.txt', import.meta.url),
      'utf8',
    )
    const facts = [
      'boot\n',
      JSON.stringify(links),
      'networkd\n',
      'default via 10.0.0.1 dev eth1 expires 5\n',
      '',
    ].join('\f')
    const tool = [
      'iperf 3.12\nstatus 0\n',
      '0.1 0.2 0.3\n',
      '4 5 6\n',
      '4 5 6\n',
      '[{"dev":"eth1"}]',
      'x: on\n',
    ].join('\f')
    const system = Object.entries(systemSections)
      .map(([name, text]) => `\f${name}\n${text}\n`)
      .join('')
    const libvirt = `\fstatus\n0\n\fversion\nUsing library: libvirt 9.0\n\fnetwork\n${network}\n\factive\ndefault\n`
    const end = (text: string): TrafficEnd => ({ name: 'vm1', ssh: saying(text) }) as unknown as TrafficEnd
    const event = `event STOP at 1732193087.408263 for domain 'vm1': {"a":1}`
    const qmp = `{"QMP":{}}\n{"return":{}}\n{"event":"SHUTDOWN","data":{"reason":"guest-shutdown"}}\n`
    const outputs = fc.oneof(
      damagedJson(links).map((text) => () => guestLinks(saying(text))),
      damaged(facts).map((text) => () => guestFacts(saying(text))),
      damaged(tool).map((text) => () => machineFacts(end(text), 'eth1', '10.0.0.2')),
      damaged(sampling).map((text) => async () => {
        await survives(() => parseSampling(text))
        await survives(() => parseReading(text))
      }),
      damaged(system).map((text) => () => parseSystem(text)),
      damaged(libvirt).map((text) => () => parseLibvirt(text, 'default')),
      damaged('\fsocket\nours\n\flistening\n1\n').map((text) => () => parseSocket(sectionsOf(text))),
      damaged('\u0001link\neth0 up\n\u0001route\ndefault\n').map((text) => () => parseMachineState(text)),
      damaged(event).map((text) => () => parseEvent(text)),
      damaged(qmp).map((text) => () => monitorReader(() => undefined)(`${text}\n`)),
      damagedJson({ return: { status: 'running' } }).map(
        (text) => () => qmpAnswer('vm1', { execute: 'x' }, text),
      ),
      fc.oneof(nastyText, damagedJson({ execute: 'x' })).map((text) => () => parseMonitorLine(text)),
      nastyText.map((text) => () => hmpAnswer('vm1', 'info status', text)),
      damaged('[  1.0] BUG: unable to handle page fault\n[ 1.1] Call Trace:\n[ 1.2]  x+0x1/0x2\n').map(
        (text) => () => kernelTrouble(text),
      ),
      damaged('P6\n2 2\n255\n............').map((text) => () => parsePpm(Buffer.from(text))),
    )
    await tally.random(outputs, survives)
  },
)

property(
  'disk images, Docker’s own files and image archives, cut and altered',
  { counted: 'files', quick: 60, whole: 800 },
  async (tally) => {
    const folder = scratchFolder()
    const qcow2 = Buffer.concat([Buffer.from('QFI\u00fb', 'latin1'), Buffer.alloc(100, 1)]).toString('latin1')
    const login = { auths: { 'registry:5000': { auth: 'YTpi' } }, credHelpers: {}, credsStore: '' }
    const manifest = [{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l/layer.tar'] }]
    writeFileSync(path.join(folder, 'c.json'), '{}')
    const write = (name: string, text: string | Buffer): string => {
      const file = path.join(folder, name)
      writeFileSync(file, text)
      return file
    }
    const files = fc.oneof(
      fc
        .nat({ max: qcow2.length })
        .map(
          (length) => () => inspectImage(write('guest.img', Buffer.from(qcow2.slice(0, length), 'latin1'))),
        ),
      damagedJson(login).map((text) => () => {
        write('config.json', text)
        return findCredentials('registry:5000', { DOCKER_CONFIG: folder, PATH: '/nonexistent' })
      }),
      damagedJson(manifest).map((text) => () => {
        write('manifest.json', text)
        return ImageArchive.read(folder, 'a:b')
      }),
    )
    await tally.random(files, survives)
  },
)
