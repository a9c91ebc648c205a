/** A Docker engine of the tests' own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandResult } from '../../../src/core/command-result.ts'
import { runLocally, tryLocally } from '../../../src/core/local-command.ts'
import { waitFor } from '../../../src/core/wait.ts'

/** A dockerd without networks of its own, ended and removed on disposal. */
export class TestEngine implements AsyncDisposable {
  readonly directory: string
  readonly #daemon: ChildProcess

  private constructor(directory: string, daemon: ChildProcess) {
    this.directory = directory
    this.#daemon = daemon
  }

  static async start(): Promise<TestEngine> {
    const directory = await mkdtemp(join(tmpdir(), 'softplane-test-'))
    const daemon = spawn(
      'dockerd',
      [
        ...['data', 'exec'].map((kind) => `--${kind}-root=${join(directory, kind)}`),
        `--pidfile=${join(directory, 'pid')}`,
        `--host=unix://${join(directory, 'docker.sock')}`,
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
      ],
      { stdio: 'ignore' },
    )
    const engine = new TestEngine(directory, daemon)
    await waitFor(
      async () => {
        if (daemon.exitCode !== null)
          return { state: 'failed', reason: `dockerd ended with ${daemon.exitCode}` }
        const info = await engine.try(['version'])
        return info.exitCode === 0
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: info.stderr }
      },
      { what: 'the test engine to answer', timeoutMs: 30_000 },
    )
    return engine
  }

  get host(): string {
    return `unix://${join(this.directory, 'docker.sock')}`
  }

  async run(args: readonly string[]): Promise<string> {
    return (await runLocally(['docker', '--host', this.host, ...args])).stdout.trim()
  }

  async try(args: readonly string[]): Promise<CommandResult> {
    return await tryLocally(['docker', '--host', this.host, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = (await this.run(['ps', '-aq'])).split('\n').filter(Boolean)
    if (containers.length > 0) await this.run(['rm', '--force', ...containers])
    const ended = once(this.#daemon, 'exit')
    this.#daemon.kill('SIGTERM')
    await ended
    await rm(this.directory, { recursive: true, force: true })
  }
}
