/** A host made of namespaces under one init: hypervisor, guest, controller, or the switch between hypervisors. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandResult } from '../../src/core/command-result.ts'
import { type LocalCommandOptions, runLocally } from '../../src/core/local-command.ts'
import { waitFor } from '../../src/core/wait.ts'
import { readInit } from '../state/processes.ts'
import { hostEnvironment } from '../tag.ts'
import { type Isolation, isolationScript, readyMarker } from './isolation.ts'

export interface NamespaceHostOptions {
  readonly lab: string
  readonly name: string
  /** Its folder on the machine; made when it is not there. */
  readonly folder: string
  readonly isolation: Omit<Isolation, 'folder'>
  /** The host inside whose pid namespace this one lives, and with which it dies. */
  readonly parent?: NamespaceHost
  readonly signal: AbortSignal
}

/** What it takes to run something inside a host. */
export interface NamespaceHost {
  readonly lab: string
  readonly name: string
  readonly folder: string
  /** Of its init, as the machine counts. */
  readonly pid: number
}

/**
 * Starts the namespaces and waits until they are ready.
 * @throws WaitError with the init's output when it ends before that, or when 20 s have passed.
 */
export async function startNamespaceHost(options: NamespaceHostOptions): Promise<NamespaceHost> {
  const { lab, name, folder, isolation, parent, signal } = options
  await mkdir(join(folder, 'log'), { recursive: true, mode: 0o755 })
  await writeFile(join(folder, 'init.sh'), isolationScript({ ...isolation, folder }))
  signal.throwIfAborted()
  const namespaces = ['--mount', '--ipc', '--pid', ...(isolation.ownNetwork ? ['--net', '--uts'] : [])]
  const inParent = parent ? ['nsenter', '--target', String(parent.pid), '--pid', '--'] : []
  const argv = [...inParent, 'unshare', ...namespaces, '--fork', '--', 'sh', '-e', 'init.sh']
  const log = join(folder, 'log', 'init.log')
  const child = spawnDetached(argv, folder, log, hostEnvironment(lab, name))
  let ended: string | undefined
  child.once('error', (error) => (ended = error.message))
  child.once('exit', (code, endSignal) => (ended = endSignal ?? `exit status ${code}`))
  const pid = await waitFor(
    async () => {
      if (ended !== undefined) {
        return { state: 'failed', reason: `its init ended (${ended}): ${await logTail(log)}` }
      }
      const pid = await readInit(folder, lab, name)
      if (pid === undefined) return { state: 'pending', seen: 'no init yet' }
      await access(`/proc/${pid}/root${readyMarker}`)
      return { state: 'ready', value: pid }
    },
    { what: `the namespaces of ${name}`, timeoutMs: 20_000, intervalMs: 10, maxIntervalMs: 50, signal },
  )
  return { lab, name, folder, pid }
}

/** In a session of its own: it outlives `lab up`, and a Ctrl-C at the terminal does not reach it. */
function spawnDetached(argv: string[], cwd: string, log: string, env: NodeJS.ProcessEnv): ChildProcess {
  const output = openSync(log, 'a')
  try {
    const child = spawn(argv[0] as string, argv.slice(1), {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', output, output],
    })
    child.unref()
    return child
  } finally {
    closeSync(output)
  }
}

/** The argument array that runs `argv` in all of the host's namespaces. */
export function insideHost(host: NamespaceHost, argv: readonly string[]): string[] {
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid']
  return ['nsenter', '--target', String(host.pid), ...namespaces, '--', ...argv]
}

/**
 * Runs a command in the host, as root, with the host's file system, network and processes.
 * @throws CommandError when it does not end with status 0.
 */
export async function runInHost(
  host: NamespaceHost,
  argv: readonly string[],
  options: LocalCommandOptions = {},
): Promise<CommandResult> {
  return runLocally(insideHost(host, argv), { ...options, env: hostEnvironment(host.lab, host.name) })
}

/** The last lines of a log, for an error's message. */
export async function logTail(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-lines).join('\n') || '(no output)'
}
