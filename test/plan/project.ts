/** A folder with a config whose hypervisors nobody can reach (RFC 5737), and the real `dpbench` started in this repository. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { foreignEnvironment } from '../e2e/support/project.ts'

const repository = join(import.meta.dirname, '../..')

// oxlint-disable-next-line typescript/no-explicit-any -- a config on its way to be changed
type EditableConfig = any

export interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export class PlanProject {
  readonly folder: string
  readonly configFile: string

  private constructor(folder: string) {
    this.folder = folder
    this.configFile = join(folder, 'env.json')
  }

  /** @param edit changes the example of two servers, which is complete but for its VMs' addresses */
  static async create(edit: (config: EditableConfig) => void = () => undefined): Promise<PlanProject> {
    const project = new PlanProject(await mkdtemp(join(tmpdir(), 'dpbench-plan-test-')))
    const { folder } = project
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await mkdir(project.temporary)
    const key = join(folder, 'key')
    await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
    const example = join(repository, 'config/examples/two-servers.json')
    const config = JSON.parse(await readFile(example, 'utf8')) as EditableConfig
    const publicKey = (await readFile(`${key}.pub`, 'utf8')).trim()
    Object.assign(config, { key_file: key, public_key_file: `${key}.pub` })
    for (const [index, hypervisor] of config.hypervisors.entries())
      Object.assign(hypervisor, { host_address: `192.0.2.${index + 1}`, host_key: publicKey })
    delete config.$schema
    edit(config)
    await writeFile(project.configFile, JSON.stringify(config))
    return project
  }

  /** Where what it starts keeps what is temporary. */
  get temporary(): string {
    return join(this.folder, 'tmp')
  }

  /** In `cwd`; by default in this repository, whose suites are planned. */
  dpbench(command: string, argv: readonly string[], cwd = repository): Promise<Ended> {
    const all = [join(repository, 'bin/dpbench.ts'), command, '--env-config-file', this.configFile, ...argv]
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        all,
        { cwd, env: { ...foreignEnvironment(), TMPDIR: this.temporary }, maxBuffer: 64 * 2 ** 20 },
        (error, stdout, stderr) =>
          resolve({ status: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
      )
    })
  }

  plan(...argv: string[]): Promise<Ended> {
    return this.dpbench('plan', argv)
  }
}
