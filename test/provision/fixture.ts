/** A run of provisioning whose hosts are recorders, on a config of a test's making. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { loadSource } from '../../src/config/load.ts'
import { normalize } from '../../src/config/normalize.ts'
import type { Undo } from '../../src/core/journal.ts'
import { inspectImage } from '../../provision/disk-image.ts'
import { Packer } from '../../provision/pack.ts'
import { RecordingHost } from '../../provision/recorder.ts'
import type { ProvisionRun } from '../../provision/run.ts'
import { loadTemplate } from '../../provision/templates.ts'
import { dpserviceConfig, site, type Loose } from '../config/dpservice-file.ts'

export const environmentId = '11111111-2222-4333-8444-555555555555'

export interface Fixture {
  readonly run: ProvisionRun
  readonly hosts: Map<string, RecordingHost>
  readonly undos: Undo[]
  readonly said: string[]
  readonly folder: string
}

/** The config's VMs in the lab's form: data NICs are bridges. */
export function bridged(config: Loose): Loose {
  for (const hypervisor of config.hypervisors) {
    for (const [index, vm] of hypervisor.vms.entries()) {
      delete vm.if_config.pci_addr
      Object.assign(vm.if_config, { bridge: `br-${vm.machine_name}`, device: `net_tap${index + 2}` })
    }
  }
  return config
}

export async function fixture(change: (config: Loose) => void = () => undefined): Promise<Fixture> {
  const { cwd, env, write } = site()
  const file = dpserviceConfig()
  change(file)
  write(file)
  mkdirSync(path.join(cwd, 'images'))
  const imageFile = path.join(cwd, 'images', 'guest.raw')
  writeFileSync(imageFile, 'a disk')
  const source = await loadSource({ cwd, env })
  const config = await normalize(source.config, source.name, source.file, source.scope)
  const image = await inspectImage(imageFile)
  const hosts = new Map(config.hypervisors.map(({ name }) => [name, new RecordingHost(name, config, image)]))
  const undos: Undo[] = []
  const said: string[] = []
  const run: ProvisionRun = {
    runId: 'run-1',
    identity: { id: environmentId, name: config.name, origin: 'me@here:/there' },
    config,
    image,
    packer: new Packer(image, path.join(cwd, 'ship'), 'member').pretend(),
    domainTemplate: await loadTemplate(undefined, 'vm_tmpl.xml.njk', cwd, '--xml-template-name'),
    ignitionTemplate: await loadTemplate(
      undefined,
      'provision_tmpl.ign.njk',
      cwd,
      '--ignition-template-name',
    ),
    authorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZ me@here'],
    consolePasswordHash: null,
    journal: {
      async record({ undo }) {
        undos.push(undo)
        return String(undos.length)
      },
    },
    progress: { say: (host, text) => said.push(`${host}: ${text}`), update: () => undefined },
    connect: async (address, { via }) =>
      via
        ? new RecordingHost(address.name, config, image)
        : (hosts.get(address.name) ?? new RecordingHost(address.name, config, image)),
    signal: new AbortController().signal,
  }
  return { run, hosts, undos, said, folder: cwd }
}
