/** A project of a user, in a temporary folder: a config, suites, and the real `dpbench` started in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readlinkSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { environmentFolder } from '../../../src/config/index.ts'
import { openJournal } from '../../../src/core/journal.ts'
import { tryLocally } from '../../../src/core/local-command.ts'
import { isKept } from '../../../src/environment/run-undo.ts'
import type { Plan } from '../../../src/plan/plan-schema.ts'
import type { RunRecord } from '../../../src/report/record.ts'
import { waitFor } from '../../../src/core/wait.ts'
import type { TestLab } from './lab.ts'

const repository = join(import.meta.dirname, '../../..')
export const dpbenchBin = join(repository, 'bin/dpbench.ts')
export const vitestBin = join(repository, 'node_modules/vitest/vitest.mjs')

/** Windows as short as iperf3's whole seconds let them be; any spread is allowed, the machine is shared. */
export const shortMeasurement = {
  profile: 'quick',
  kept_seconds: 2,
  warm_up_seconds: 1,
  warm_down_seconds: 1,
  gap_seconds: 0,
  max_cov: 1,
  repetitions: { min: 2, max: 5 },
}

/** Far below anything that a lab does, so that the verdict is not what a test hangs on. */
const lowThresholds = { local_vm2vm: 0.01, remote_vm2vm: 0.01, nat: 0.01, lb: 0.01 }

// oxlint-disable-next-line typescript/no-explicit-any -- a config on its way to be made wrong
export type EditableConfig = any

export interface Finished {
  /** The exit code, or the signal's name when one ended it. */
  readonly status: number | NodeJS.Signals
  /** stdout and stderr as they came. */
  readonly text: string
  readonly durationMs: number
}

export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Finished>
  #text = ''
  #status: number | NodeJS.Signals | undefined

  constructor(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const started = performance.now()
    // a process group of its own, as a terminal makes for a command
    this.child = spawn(process.execPath, argv, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.#text += chunk))
    }
    this.ended = once(this.child, 'close').then(([code, signal]: unknown[]) => {
      this.#status = (code ?? signal) as number | NodeJS.Signals
      return { status: this.#status, text: this.#text, durationMs: performance.now() - started }
    })
    onTestFinished(async () => {
      if (this.#status === undefined) this.signalGroup('SIGKILL')
      await this.ended
    })
  }

  get text(): string {
    return this.#text
  }

  /** Waits until the output shows `pattern`. @throws WaitError, with the output, when it ends before or after three minutes. */
  async shows(pattern: RegExp, timeoutMs = 180_000): Promise<void> {
    await waitFor(
      async () => {
        if (pattern.test(this.#text)) return { state: 'ready', value: undefined }
        if (this.#status !== undefined)
          return { state: 'failed', reason: `ended with ${this.#status}:\n${this.#text}` }
        return { state: 'pending', seen: this.#text.slice(-2000) }
      },
      { what: `the output to show ${pattern}`, timeoutMs, intervalMs: 10, maxIntervalMs: 20 },
    )
  }

  /** As Ctrl-C in a terminal: every process of the group gets it. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.child.pid!, signal)
  }
}

export interface ProjectOptions {
  /** Suites by file name; default: those of benchmark/. */
  readonly suites?: Readonly<Record<string, string>>
  /** Changes the config, which is the lab's with low thresholds and short windows. */
  readonly edit?: (config: EditableConfig) => void
}

export class Project {
  readonly folder: string
  readonly configFile: string

  private constructor(folder: string) {
    this.folder = folder
    this.configFile = join(folder, 'env.json')
  }

  static async create(lab: TestLab, options: ProjectOptions = {}): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'dpbench-e2e-')))
    const { folder } = project
    onTestFinished(async () => {
      await project.#takeBackWhatIsLeft()
      await rm(folder, { recursive: true, force: true })
    })
    await mkdir(join(folder, 'node_modules'))
    await symlink(repository, join(folder, 'node_modules/dpbench'))
    await symlink(join(repository, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
    await cp(join(repository, 'vitest.config.ts'), join(folder, 'vitest.config.ts'))
    if (options.suites) {
      await mkdir(join(folder, 'benchmark'))
      for (const [name, text] of Object.entries(options.suites))
        await writeFile(join(folder, 'benchmark', name), text)
    } else {
      await cp(join(repository, 'benchmark'), join(folder, 'benchmark'), { recursive: true })
    }
    await project.writeConfig(lab, options.edit)
    return project
  }

  async writeConfig(lab: TestLab, edit: (config: EditableConfig) => void = () => undefined): Promise<void> {
    const config: EditableConfig = {
      ...lab.config,
      measurement: shortMeasurement,
      expected_throughput: { sw: lowThresholds, hw: lowThresholds },
    }
    edit(config)
    await writeFile(this.configFile, JSON.stringify(config, undefined, 2), { mode: 0o600 })
  }

  /** Starts `dpbench run` with this project's config. */
  start(...argv: string[]): Running {
    return this.startNode([dpbenchBin, 'run', '--env-config-file', this.configFile, ...argv])
  }

  startNode(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    return new Running(argv, this.folder, { ...foreignEnvironment(), ...env })
  }

  run(...argv: string[]): Promise<Finished> {
    return measured(() => this.start(...argv).ended)
  }

  cleanUp(): Promise<Finished> {
    return this.startNode(this.cleanUpArgv).ended
  }

  get cleanUpArgv(): string[] {
    return [dpbenchBin, 'provision', '--clean-up', '--env-config-file', this.configFile]
  }

  /** Of a test that failed: the lab is the next one's too, which has another journal and would find a stranger's data plane. */
  async #takeBackWhatIsLeft(): Promise<void> {
    const journal = await openJournal(this.#journalFile)
    if (journal.pending().every(isKept)) return
    const { exitCode, stderr } = await tryLocally([process.execPath, ...this.cleanUpArgv], {
      cwd: this.folder,
      env: foreignEnvironment(),
      timeoutMs: 120_000,
    })
    if (exitCode !== 0) process.stderr.write(`what a test left could not be taken back: ${stderr}\n`)
  }

  get #journalFile(): string {
    return join(environmentFolder(this.folder, 'env'), 'journal.jsonl')
  }

  /** What `dpbench plan` says with this project's config. */
  async plan(...argv: string[]): Promise<Plan> {
    const options = ['--env-config-file', this.configFile, '--format', 'json']
    const { status, text } = await this.startNode([dpbenchBin, 'plan', ...options, ...argv]).ended
    expect(status, text).toBe(0)
    return JSON.parse(text) as Plan
  }

  /** The newest run's folder. */
  get results(): string {
    return join(this.folder, 'results/latest')
  }

  /** It, as the console names it. */
  get resultsName(): string {
    return join('results', readlinkSync(this.results))
  }

  get hasResults(): boolean {
    return existsSync(join(this.folder, 'results'))
  }

  /** The record of the last run, in which no test stands twice. */
  async record(): Promise<RunRecord> {
    const record = JSON.parse(await this.resultFile('run.json')) as RunRecord
    const titles = record.tests.map(({ suite, name, mode }) => `${suite}: ${name} (${mode})`)
    expect(titles, 'a test of the record').toEqual([...new Set(titles)])
    return record
  }

  resultFile(name: string): Promise<string> {
    return readFile(join(this.results, name), 'utf8')
  }

  /** What the journal says that is still to be put back. */
  async pending(): Promise<string[]> {
    const journal = await openJournal(this.#journalFile)
    return journal.pending().map((entry) => entry.what)
  }

  get hasState(): boolean {
    return existsSync(join(this.folder, '.dpbench'))
  }
}

/** The environment without what the Vitest that runs these tests set for itself. */
export function foreignEnvironment(): NodeJS.ProcessEnv {
  const own =
    /^(VITEST|TEST$|NODE_ENV$|MODE$|DEV$|PROD$|SSR$|BASE_URL$|TINYPOOL|NODE_V8|DPBENCH_(?!TEST_RUN)|FORCE_COLOR|NO_COLOR|CI$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}

/**
 * The ends of a flow, or the flows, saw different windows, or one a second without a packet: a core was taken away in the
 * middle.
 */
export const windowTaken =
  /(INVALID|MeasurementError): .*: (sent [\d.]+ and received [\d.]+ .bit\/s differ by|the flows ran together for|.*: nothing moved between second)/

/** Other labs share the cores, and other machines: a run of which they took a window is done once more, as its user would. */
export async function measured<T extends { readonly text: string } | { readonly stdout: string }>(
  run: () => Promise<T>,
): Promise<T> {
  const first = await run()
  return windowTaken.test('text' in first ? first.text : first.stdout) ? run() : first
}

/** No user ever sees one. */
export const stackTrace = /\n\s+at /
