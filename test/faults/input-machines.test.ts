/** What machines, QEMU, Docker and libvirt tell of themselves, and images, cut and altered. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { parseLibvirt, parseSocket, parseSystem, sectionsOf } from '../../src/doctor/parse-facts.ts'
import { parseMachineState } from '../../src/environment/machine-state.ts'
import { monitorReader } from '../../src/guest-run/launch/monitor-events.ts'
import { parseReading, parseSampling } from '../../src/machine/counters/reading.ts'
import { guestFacts, guestLinks } from '../../src/machine/guest-network.ts'
import { kernelTrouble } from '../../src/machine/kernel-trouble.ts'
import { hmpAnswer, parseMonitorLine, qmpAnswer } from '../../src/machine/monitor.ts'
import { parsePpm } from '../../src/machine/png.ts'
import { parseEvent } from '../../src/machine/qemu-events.ts'
import { machineFacts } from '../../src/traffic/machine-facts.ts'
import type { TrafficEnd } from '../../src/machine/traffic-end.ts'
import { findCredentials } from '../../src/transport/docker/credentials.ts'
import { ImageArchive } from '../../src/transport/docker/image-archive.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { systemSections } from '../doctor/recorded.ts'
import { damaged, damagedJson, nastyText } from './support/mutations.ts'
import { property, survives } from './support/property.ts'
import { network, saying } from './support/outputs.ts'

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
