/** A machine that is up at once, as a libvirt domain on a hypervisor of the lab, and a config that has it as a VM. */
import { bootSector, tinyDomainXml } from '../../machine/support/boot-sector.ts'
import type { TestLab } from './lab.ts'
import type { EditableConfig } from './project.ts'

export interface TinyVm {
  /** The lab's config with the VM `tiny` on hypervisor-1. */
  readonly config: EditableConfig
  readonly consoleLog: string
  remove(): Promise<void>
}

const name = 'tiny'
const folder = '/var/lib/libvirt/images'

export async function defineTinyVm(lab: TestLab, video: boolean): Promise<TinyVm> {
  const { config } = lab as { config: EditableConfig }
  const [hypervisor] = config.hypervisors
  const [{ host_key: hostKey, if_config: like }] = hypervisor.vms
  hypervisor.vms.push({
    machine_name: name,
    if_config: {
      ...like,
      ipv4: '10.200.1.99',
      ipv6: '2001:db8:1::99',
      bridge: 'br-tiny',
      device: 'net_tap9',
      netdev: 'dtapvf_9',
    },
    host_address: '192.168.122.250',
    mac_address: '52:54:00:00:00:99',
    host_key: hostKey,
  })
  const [disk, consoleLog, xml] = ['img', 'log', 'xml'].map((kind) => `${folder}/${name}.${kind}`) as [
    string,
    string,
    string,
  ]
  const document = tinyDomainXml({ name, disk, consoleLog, hostKey, video })
  const write = (file: string, bytes: Buffer): string =>
    `echo ${bytes.toString('base64')} | base64 -d > ${file}`
  await lab.shell(
    'hypervisor-1',
    [
      write(disk, bootSector()),
      write(xml, Buffer.from(document)),
      `virsh define ${xml} && virsh start ${name}`,
    ].join('\n'),
  )
  return {
    config,
    consoleLog,
    async remove() {
      await lab.shell(
        'hypervisor-1',
        `virsh destroy ${name} || true; virsh undefine ${name}; rm -f ${folder}/${name}.*`,
      )
    },
  }
}
