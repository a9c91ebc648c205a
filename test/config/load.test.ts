import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { ExitCode } from '../../src/core/errors.ts'
import { loadConfig, loadSource } from '../../src/config/load.ts'
import {
  mergeProvisioned,
  readProvisioned,
  workingConfigFile,
  writeWorkingConfig,
} from '../../src/config/working-config.ts'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { dpserviceConfig, site } from './dpservice-file.ts'

const root = path.resolve(import.meta.dirname, '../..')

describe('a config of the suite that this replaces', () => {
  test('loads unchanged', async () => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    const config = await loadConfig({ cwd, env })
    expect(config.name).toBe('test_configurations')
    expect(config.keyFile).toBe(path.join(env.HOME ?? '', '.ssh/id_rsa'))
    expect(config.expectedThroughput['non-offload']).toEqual({
      local_vm2vm: 10,
      remote_vm2vm: 8,
      lb: 5,
      nat: 8,
    })
    expect(config.expectedThroughput.offload.remote_vm2vm).toBe(20)
    expect(config.measurement.name).toBe('default')
    const [first, second] = config.hypervisors
    expect(first).toMatchObject({ name: 'hypervisor-1', user: 'tli', port: 22, sudo: true })
    expect(first?.dpservice).toMatchObject({
      ealArguments: ['-l', '0,1'],
      arguments: ['--enable-ipv6-overlay'],
      privileged: true,
    })
    expect(first?.dpservice.mounts).toContain('/dev/hugepages:/dev/hugepages')
    expect(second).toMatchObject({ role: 'local' })
    expect(second?.vms[0]).toMatchObject({
      name: 'vm3',
      hypervisor: 'hypervisor-2',
      nat: { ip: '10.10.20.20', ports: [10240, 10360] },
    })
    expect(config.loadBalancer?.ports).toEqual([
      { protocol: 'TCP', port: 5201 },
      { protocol: 'TCP', port: 50007 },
    ])
  })

  test('is frozen to the depth', async () => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    const config = await loadConfig({ cwd, env })
    expect(() => Object.assign(config.hypervisors[0]?.vms[0] ?? {}, { name: 'other' })).toThrow(TypeError)
  })
})

describe('which file', () => {
  test('a named config, and what to type when none is named', async () => {
    const { cwd, env, write } = site()
    write(
      { 'rack-a': dpserviceConfig(), 'rack-b': { ...dpserviceConfig(), concurrent_flow_count: 7 } },
      'site.json',
    )
    const config = await loadConfig({ cwd, env, file: 'site.json', name: 'rack-b' })
    expect(config).toMatchObject({ name: 'site.rack-b', concurrentFlowCount: 7 })
    await expect(loadConfig({ cwd, env, file: 'site.json' })).rejects.toThrow('--env-config-name rack-a')
    await expect(loadConfig({ cwd, env, file: 'site.json', name: 'rackb' })).rejects.toThrow(
      'did you mean "rack-b"',
    )
  })

  test('a named config of the list that dpservice had once', async () => {
    const { cwd, env, write } = site()
    const regular = { name: 'regular_setup', ...dpserviceConfig() }
    write({ environments: [regular, { ...regular, name: 'other', concurrent_flow_count: 7 }] })
    const config = await loadConfig({ cwd, env, name: 'regular_setup' })
    expect(config).toMatchObject({ name: 'test_configurations.regular_setup', concurrentFlowCount: 3 })
    await expect(loadConfig({ cwd, env })).rejects.toThrow('--env-config-name other')
    write({ environments: [{ ...regular, concurrent_flow_count: 0 }] })
    await expect(loadConfig({ cwd, env })).rejects.toThrow('environments[0].concurrent_flow_count')
    write({ environments: [regular, regular] })
    await expect(loadConfig({ cwd, env, name: 'regular_setup' })).rejects.toThrow('twice')
  })

  test('faults of a named config have its name in their path', async () => {
    const { cwd, env, write } = site()
    write({ 'rack-a': { ...dpserviceConfig(), concurrent_flow_count: 0 } }, 'site.json')
    await expect(loadConfig({ cwd, env, file: 'site.json' })).rejects.toThrow('rack-a.concurrent_flow_count')
  })

  test('a name for a file that holds one config without a name', async () => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    await expect(loadConfig({ cwd, env, name: 'x' })).rejects.toThrow('leave --env-config-name out')
  })

  test('the one running lab, else what to type', async () => {
    const { cwd, env, write } = site()
    const labFolder = path.join(cwd, 'labs')
    await expect(loadConfig({ cwd, env, labFolder })).rejects.toThrow('npx dpbench lab up')
    write(dpserviceConfig(), 'labs/one/config.json')
    expect(await loadConfig({ cwd, env, labFolder })).toMatchObject({ name: 'one' })
    write(dpserviceConfig(), 'labs/two/config.json')
    await expect(loadConfig({ cwd, env, labFolder })).rejects.toThrow(
      /Several labs.*one\/config\.json.*two\/config\.json/s,
    )
  })

  test('a file that is not there', async () => {
    const { cwd, env } = site()
    await expect(loadConfig({ cwd, env, file: 'nowhere.json' })).rejects.toMatchObject({
      exitCode: ExitCode.usage,
    })
  })
})

describe('the working config', () => {
  const found = {
    host_address: '192.168.122.9',
    mac_address: '52:54:00:00:00:01',
    host_key: `ssh-ed25519 ${'B'.repeat(68)}`,
  }

  test('gives addresses to the current source, edits of which take effect', async () => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    const source = await loadSource({ cwd, env })
    const working = workingConfigFile(cwd, source.name)
    await writeWorkingConfig(working, mergeProvisioned(source.config, new Map([['hypervisor-1/vm1', found]])))
    expect((await readProvisioned(working)).get('hypervisor-1/vm1')).toEqual(found)
    write({ ...dpserviceConfig(), concurrent_flow_count: 9 })
    const config = await loadConfig({ cwd, env })
    expect(config.concurrentFlowCount).toBe(9)
    expect(config.hypervisors[0]?.vms[0]).toMatchObject({
      address: found.host_address,
      macAddress: found.mac_address,
      hostKey: found.host_key,
    })
    expect(config.hypervisors[0]?.vms[1]?.address).toBeUndefined()
    // and it loads by itself, as a config like any other
    expect((await loadConfig({ cwd, env, file: working })).hypervisors[0]?.vms[0]?.address).toBe(
      found.host_address,
    )
  })

  test('a damaged one says so', async () => {
    const { cwd, env, write } = site()
    write(dpserviceConfig())
    write('{', '.dpbench/test_configurations/working.json')
    await expect(loadConfig({ cwd, env })).rejects.toThrow('provision again')
  })
})

test('config/schema.json is fresh: npm run schema', () => {
  expect(readFileSync(path.join(root, 'config/schema.json'), 'utf8')).toBe(configJsonSchema())
})

test.each(['two-servers', 'lab', 'lab-dpservice'])('the example %s loads', async (name) => {
  const { cwd, env, write } = site()
  const text = readFileSync(path.join(root, `config/examples/${name}.json`), 'utf8')
  write(text.replaceAll('id_ed25519', 'id_rsa'), `${name}.json`)
  expect(await loadConfig({ cwd, env, file: `${name}.json` })).toMatchObject({ name })
})
