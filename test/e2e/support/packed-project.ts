/** A project of somebody else: empty, with the packed dpbench and Vitest installed, and one benchmark in it. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { CommandError, type CommandResult } from '../../../src/core/command-result.ts'
import { tryLocally } from '../../../src/core/local-command.ts'
import { type RunRecord, parseRecord } from '../../../src/report/record.ts'

const root = join(import.meta.dirname, '../../..')

const files = {
  'package.json': JSON.stringify({ name: 'somebody-else', private: true, type: 'module' }),
  'vitest.config.ts': `import { dpbench } from 'dpbench/plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({ plugins: [dpbench()] })
`,
  'reach.test.ts': `import { expect, test } from 'dpbench'

test('IPv4 between hypervisors', async ({ vm, dataplane, traffic }) => {
  const [from, to] = [vm['vm3']!, vm['vm1']!]
  await dataplane.route(from, to)
  const throughput = await traffic.iperf3({ from, to, family: 'ipv4', flows: 1 })
  expect(throughput).toReachExpected('remote_vm2vm')
})
`,
  // the compiler complains where an expected error is none
  'types.test-d.ts': `import { type Throughput, type Verdict, expect, test } from 'dpbench'

test('types', async ({ vm, hypervisor, placement, dataplane, traffic }) => {
  const { from, to } = placement.acrossHypervisors()
  const throughput: Throughput = await traffic.iperf3({ from, to, family: 'ipv6', flows: 2 })
  const verdict: Verdict = throughput.verdict('nat')
  const name: string = vm['vm1']!.name + hypervisor['hypervisor-1']!.name + verdict.sentence
  expect(name).toBe(name)
  expect(throughput).toReachExpected('local_vm2vm')
  const { metrics } = await traffic.udp({ from, to, family: 'ipv4', bitsPerSecond: 1e6, expected: { loss: 'x' } })
  expect(metrics.loss).toStayBelow('x')
  // @ts-expect-error -- no such figure
  expect(metrics.losses).toStayBelow('x')
  const nat = placement.behindNat({ flows: 1 })
  await traffic.iperf3({ ...nat, family: 'ipv4', through: await dataplane.nat(nat) })
  const balanced = placement.loadBalanced({ backends: 2 })
  await traffic.balanced({ ...balanced, through: await dataplane.loadBalancer(balanced) })
  // @ts-expect-error -- no such threshold
  expect(throughput).toReachExpected('remote')
  // @ts-expect-error -- no such family
  await traffic.iperf3({ from, to, family: 'ipv5' })
  // @ts-expect-error -- a VM is more than its name
  await dataplane.route('vm1', 'vm2')
})

// @ts-expect-error -- no such fixture
test('fixtures', ({ hypervisors }) => hypervisors)
`,
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
    },
    include: ['*.ts', '../examples/*/*.ts'],
  }),
} as const

export class PackedProject implements AsyncDisposable {
  readonly folder: string
  /** Where the package's files are installed. */
  readonly installed: string
  private readonly scratch: string

  private constructor(scratch: string) {
    this.scratch = scratch
    this.folder = join(scratch, 'project')
    this.installed = join(this.folder, 'node_modules/dpbench')
  }

  /** Builds, packs and installs. @throws CommandError */
  static async create(): Promise<PackedProject> {
    const scratch = await mkdtemp(join(tmpdir(), 'dpbench-package-'))
    const project = new PackedProject(scratch)
    const built = join(scratch, 'built')
    await mkdir(project.folder)
    for (const [name, text] of Object.entries(files)) await writeFile(join(project.folder, name), text)
    await project.succeed([process.execPath, join(root, 'bin/build.ts'), built])
    await project.succeed(['npm', 'pack', built, '--pack-destination', scratch, '--loglevel=error'])
    const { version, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      version: string
      devDependencies: Record<string, string>
    }
    const packages = [join(scratch, `dpbench-${version}.tgz`), `vitest@${devDependencies['vitest']}`]
    const quietly = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']
    await project.succeed(['npm', 'install', ...quietly, ...packages])
    await cp(join(root, 'examples'), join(scratch, 'examples'), { recursive: true })
    // as if each of them had installed the package
    await symlink(join(project.folder, 'node_modules'), join(scratch, 'examples/node_modules'))
    return project
  }

  /** Runs a program in the project, as its owner would. */
  run(argv: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = this.folder): Promise<CommandResult> {
    return tryLocally(argv, {
      cwd,
      env: { ...ownersEnvironment(), ...env },
      timeoutMs: 600_000,
    })
  }

  /** @throws CommandError when it does not end with status 0 */
  async succeed(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
    const result = await this.run(argv, env)
    if (result.exitCode !== 0) throw new CommandError(result)
    return result
  }

  /** The folder of an example, with the package installed. */
  example(name: string): string {
    return join(this.scratch, 'examples', name)
  }

  /** The path of an installed command. */
  bin(name: string): string {
    return join(this.folder, 'node_modules/.bin', name)
  }

  async record(tag: string): Promise<RunRecord> {
    const file = join(this.folder, 'results', tag, 'run.json')
    return parseRecord(await readFile(file, 'utf8'), file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.scratch, { recursive: true, force: true })
  }
}

/** This one's, without what Vitest, npm and dpbench have put there for the tests that run. */
function ownersEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(VITEST|DPBENCH_(?!TEST_RUN)|NODE_ENV|NODE_OPTIONS|TEST$|npm_(package|lifecycle)_|npm_config_local_prefix)/
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name))
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  return { ...Object.fromEntries(kept), PATH: path }
}
