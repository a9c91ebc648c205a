/** The package as somebody else gets it: packed, installed in an empty project, run there against a lab of its own. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { labDown } from '../../lab/lab.ts'
import { labPaths } from '../../lab/paths.ts'
import { machineSnapshot, testLabName, whyNoLab } from '../lab/support.ts'
import { parseRecord } from '../../src/report/record.ts'
import { PackedProject } from './support/packed-project.ts'
import { plainConfig } from './support/plain-config.ts'
import { measured, shortMeasurement } from './support/project.ts'

const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')

describe('the packed package', { timeout: 900_000 }, () => {
  let project: PackedProject
  beforeAll(async () => {
    project = await PackedProject.create()
  }, 900_000)
  afterAll(() => project[Symbol.asyncDispose]())

  test('is in order by the rules of packages', async () => {
    const { messages } = await publint({ pkgDir: project.installed, pack: false, strict: true })
    expect(messages).toEqual([])
  })

  test('brings the command dpbench, and leaves vitest alone', async () => {
    const { bin } = JSON.parse(await readFile(join(project.installed, 'package.json'), 'utf8')) as object & {
      bin: unknown
    }
    expect(bin).toEqual({ dpbench: './bin/dpbench.js' })
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
    expect((await project.succeed([project.bin('dpbench'), '--version'])).stdout).toBe(`${version}\n`)
  })

  test('has no TypeScript but what runs in a container, and every program can be executed', async () => {
    const entries = await readdir(project.installed, { recursive: true, withFileTypes: true })
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(project.installed.length + 1))
    const sources = paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    expect(sources.filter((path) => !path.startsWith('lab/softplane/image/'))).toEqual([])
    const executable = (folder: string): Promise<string> =>
      project
        .succeed(['find', folder, '-type', 'f', '-perm', '/111', '-printf', '%P\n'])
        .then(({ stdout }) => stdout.split('\n').sort().join('\n'))
    for (const folder of ['lab/softplane/image', 'lab/image/files']) {
      expect(await executable(join(project.installed, folder))).toBe(
        await executable(join(process.cwd(), folder)),
      )
    }
  })

  test.each([
    ['Node', ['--module', 'nodenext']],
    ['a bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ])('its types hold, and refuse what is wrong, resolved as %s does', async (_, options) => {
    const { exitCode, stdout } = await project.run([process.execPath, compiler, '-p', '.', ...options])
    expect(stdout).toBe('')
    expect(exitCode).toBe(0)
  })

  test('faults of usage end with 2 and no stack trace', async () => {
    const wrong = await project.run([
      project.bin('dpbench'),
      'run',
      '--mode',
      'offload',
      '--docker-imgae',
      'x',
    ])
    expect(wrong.stderr).toContain('unknown option --docker-imgae: did you mean --docker-image?\n')
    expect(wrong.stderr).not.toMatch(/^ +at /m)
    expect(wrong.exitCode).toBe(2)
  })

  test('a project that has forgotten the plugin measures nothing, and is told so', async () => {
    await writeFile(join(project.folder, 'other.config.ts'), 'export default {}\n')
    const options = ['--mode', 'offload', '--config', 'other.config.ts']
    const { exitCode, stderr } = await project.run([project.bin('dpbench'), 'run', ...options])
    expect(stderr).toMatch(/the plugin is missing in .*other\.config\.ts/)
    expect(exitCode).toBe(2)
  })

  describe.skipIf(whyNoLab.length > 0)('in a lab', () => {
    const name = testLabName('pack')
    let before: Awaited<ReturnType<typeof machineSnapshot>>
    const chosen = ['--env-config-file', 'lab.json']

    beforeAll(async () => {
      before = await machineSnapshot(name)
      await project.succeed([project.bin('dpbench'), 'lab', 'up', '--name', name, '--guests', 'namespace'])
      const config = JSON.parse(await readFile(labPaths(name).configFile, 'utf8')) as object
      const low = { local_vm2vm: 0.01, remote_vm2vm: 0.01 }
      const changed = { ...config, measurement: shortMeasurement, expected_throughput: { sw: low, hw: low } }
      await writeFile(join(project.folder, 'lab.json'), JSON.stringify(changed))
    }, 900_000)
    afterAll(() => labDown(name), 180_000)

    test('`dpbench run` measures its benchmark', async () => {
      const options = ['--mode', 'offload', '--verdict', 'mean', ...chosen]
      const { exitCode, stdout, stderr } = await measured(() =>
        project.run([project.bin('dpbench'), 'run', ...options]),
      )
      expect(exitCode, stdout + stderr).toBe(0)
      expect(await verdicts()).toEqual(['offload PASS'])
    })

    test('so does plain `vitest run`, by DPBENCH_* variables', async () => {
      const { exitCode, stdout, stderr } = await measured(() =>
        project.run(['npx', 'vitest', 'run'], {
          DPBENCH_MODE: 'non-offload',
          DPBENCH_ENV_CONFIG_FILE: 'lab.json',
          DPBENCH_VERDICT: 'mean',
        }),
      )
      expect(exitCode, stdout + stderr).toBe(0)
      expect(await verdicts()).toEqual(['non-offload PASS'])
    })

    test('the example of plain Linux routing is a project of its own, without a data plane of dpbench', async () => {
      const example = project.example('plain-routing')
      const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
      expect(await readFile(join(example, 'package.json'), 'utf8')).toContain(`dpbench-${version}.tgz"`)
      const config = plainConfig(JSON.parse(await readFile(labPaths(name).configFile, 'utf8')))
      await writeFile(join(example, 'lab.json'), JSON.stringify(config))
      const options = ['--env-config-file', 'lab.json', '--verdict', 'mean']
      const { exitCode, stdout, stderr } = await measured(() =>
        project.run([project.bin('dpbench'), 'run', ...options], {}, example),
      )
      expect(exitCode, stdout + stderr).toBe(0)
      const record = parseRecord(await readFile(join(example, 'results/latest/run.json'), 'utf8'), 'run.json')
      expect(record).toMatchObject({ modes: ['plain'], dataPlanes: [], leftovers: [] })
      expect(record.tests.map(({ scenario, result }) => [scenario, result.state])).toEqual([
        ['local_vm2vm', 'judged'],
        ['routed', 'judged'],
      ])
      expect(record.steps.map((step) => step.name)).toContain('subtest the routes lead there')
      // what the suite made went with the run
      const shell = [project.bin('dpbench'), 'lab', 'shell', '--name', name, 'hypervisor-1']
      const { stdout: left } = await project.run([
        'sh',
        '-c',
        'echo "ip route; ip address show br-vm1" | "$@"',
        'sh',
        ...shell,
      ])
      expect(left).toContain('br-vm1')
      expect(left).not.toMatch(/10\.200\.|169\.254\./)
    })

    test('provisioning finds its templates', async () => {
      const config = JSON.parse(await readFile(labPaths(name).configFile, 'utf8')) as {
        hypervisors: { vms: { host_address?: string }[] }[]
      }
      for (const vm of config.hypervisors.flatMap(({ vms }) => vms)) delete vm.host_address
      await writeFile(join(project.folder, 'bare.json'), JSON.stringify(config))
      await writeFile(join(project.folder, 'disk.img'), Buffer.alloc(1 << 20))
      const options = ['--disk-template', 'disk.img', '--dry-run', '--env-config-file', 'bare.json']
      const { stdout } = await project.succeed([project.bin('dpbench'), 'provision', ...options])
      expect(stdout).toContain('<domain type=')
      expect(stdout).toContain('"ignition"')
    })

    test('`dpbench lab down` leaves nothing', async () => {
      await project.succeed([project.bin('dpbench'), 'lab', 'down', '--name', name])
      expect(await machineSnapshot(name)).toEqual(before)
    })

    async function verdicts(): Promise<string[]> {
      const { tests } = await project.record('latest')
      return tests.map(
        ({ mode, result }) => `${mode} ${result.state === 'judged' ? result.verdict.state : result.state}`,
      )
    }
  })
})
