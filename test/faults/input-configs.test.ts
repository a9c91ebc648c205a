/** Configs, environments' own files and templates, damaged in every way: one sentence per fault, and nothing half done. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import { loadConfig } from '../../src/config/load.ts'
import { environmentFolder, workingConfigFile } from '../../src/config/working-config.ts'
import { ConfigError } from '../../src/core/errors.ts'
import { environmentIdentity } from '../../provision/identity.ts'
import { dpserviceConfig, site } from '../config/dpservice-file.ts'
import { damaged, damagedJson, nastyText } from './support/mutations.ts'
import { property, survives } from './support/property.ts'

const root = path.resolve(import.meta.dirname, '../..')
const example = (name: string): unknown =>
  JSON.parse(readFileSync(path.join(root, 'config/examples', name), 'utf8'))

/** Everything that a config may have, so that each key has its turn. */
function fullConfig(): unknown {
  const file = dpserviceConfig()
  const lab = example('lab.json') as { hypervisors: { dpservice: unknown }[]; libvirt: unknown }
  file.hypervisors[0].dpservice = lab.hypervisors[0]!.dpservice
  return {
    ...file,
    measurement: { profile: 'quick', kept_seconds: 2, repetitions: { min: 2, max: 5 } },
    libvirt: {
      ...(lab.libvirt as object),
      pinning: { vm1: ['2', '3-4'] },
      numa: { vm1: 1 },
      console_password: { hash_variable: 'HASH' },
    },
    quarantine: [{ test: 'IPv4 on one hypervisor', issue: 'https://example.org/1', until: '2030-01-01' }],
    expected: { hw: { 'udp loss': { at_most: 1, unit: '%' } } },
  }
}

const documents: readonly unknown[] = [
  fullConfig(),
  { one: example('lab.json'), two: example('two-servers.json') },
  { environments: [{ name: 'a', ...(example('lab.json') as object) }] },
]

property(
  'a damaged config is refused in sentences, or loads',
  { counted: 'configs', quick: 300, whole: 6000 },
  async (tally) => {
    const { cwd, env } = site()
    const file = path.join(cwd, 'config', 'test_configurations.json')
    const before = readdirSync(cwd)
    const damagedFile = fc.constantFrom(...documents).chain(damagedJson)
    const name = fc.option(nastyText, { nil: undefined, freq: 4 })
    await tally.random(fc.tuple(damagedFile, name), async ([text, named]) => {
      writeFileSync(file, text)
      await survives(async () => {
        try {
          await loadConfig({ cwd, env, name: named })
        } catch (error) {
          if (error instanceof ConfigError && error.faults.some((fault) => !/\S \S/.test(fault)))
            throw new TypeError(`a fault without a sentence: ${error.message}`, { cause: error })
          throw error
        }
      })
      const made = readdirSync(cwd).filter((each) => !before.includes(each))
      if (made.length > 0) throw new TypeError(`it made ${made.join(', ')}`)
    })
  },
)

property(
  "what provisioning keeps, damaged: the config's name for it, or it loads",
  { counted: 'files', quick: 100, whole: 2000 },
  async (tally) => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    const folder = environmentFolder(cwd, 'test_configurations')
    mkdirSync(folder, { recursive: true })
    const working = dpserviceConfig()
    for (const { vms } of working.hypervisors)
      for (const vm of vms)
        Object.assign(vm, {
          host_address: '192.168.122.7',
          mac_address: '52:54:00:00:00:01',
          host_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZ',
        })
    const identity = { id: '11111111-2222-4333-8444-555555555555', origin: 'me@here:/there' }
    await tally.random(
      fc.oneof(
        damagedJson(working).map((text) => [workingConfigFile(cwd, 'test_configurations'), text] as const),
        damaged(JSON.stringify(identity)).map(
          (text) => [path.join(folder, 'environment.json'), text] as const,
        ),
      ),
      async ([file, text]) => {
        writeFileSync(file, text)
        await survives(async () => {
          const config = await loadConfig({ cwd, env })
          for (const vm of config.hypervisors.flatMap(({ vms }) => vms))
            for (const value of [vm.address, vm.macAddress, vm.hostKey])
              if (value !== undefined && typeof value !== 'string')
                throw new TypeError(`${vm.name} has ${JSON.stringify(value)} from the file`)
        })
        await survives(() => environmentIdentity(cwd, 'test_configurations', false))
      },
    )
  },
)
