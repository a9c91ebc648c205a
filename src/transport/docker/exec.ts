/** A command inside a container, by the Docker API, with its output apart and its exit code. */
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import type Docker from 'dockerode'
import type { CommandResult } from '../../core/command-result.ts'
import { quoteArgv } from '../../core/shell-quote.ts'
import { asCommand } from '../../core/steps.ts'
import { Collector } from '../collector.ts'
import { ContainerShell } from './container-shell.ts'
import { engineStatus } from './engine-error.ts'
import { ObservedModem, doubtfulMs, observerOf, silentEngine, silentEngines } from './observed-modem.ts'

/**
 * Runs `argv` in `container` and resolves however it ends.
 * @throws the engine's error when the container does not run (`statusCode` 409) or is gone (404).
 */
export function execInContainer(
  host: string,
  container: Docker.Container,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<CommandResult> {
  const observe = observerOf(container)
  if (!observe) return exec(host, container, argv, options)
  const name = `docker exec ${container.id.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1')} ${quoteArgv(argv)}`
  const step = { machine: host, kind: 'command', name } as const
  return asCommand(observe, step, () => exec(host, container, argv, options), options.signal)
}

interface ExecOptions {
  /** Default 30 s, and 5 s on an engine on which a command or a call ran into that. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

const usualMs = 30_000

/** Engines that answer, and on which the last command did not end in time: the next is not to wait as long. */
const stuck = new WeakSet<object>()

async function exec(
  host: string,
  container: Docker.Container,
  argv: readonly string[],
  options: ExecOptions,
): Promise<CommandResult> {
  const started = performance.now()
  const engine = container.modem as object
  const doubtful = stuck.has(engine) || silentEngines.has(engine)
  const timeoutMs = options.timeoutMs ?? (doubtful ? doubtfulMs : usualMs)
  const deadline = AbortSignal.timeout(timeoutMs)
  const abortSignal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline
  const asked = { container, argv, signal: abortSignal }
  const silent = (): Error => silentEngine(host, timeoutMs, `docker exec ${quoteArgv(argv)}`)
  let said: Said
  try {
    said = (await inShell(asked)) ?? (await asProcess(asked))
  } catch (error) {
    if (!deadline.aborted) throw error
    silentEngines.add(engine)
    throw silent()
  }
  options.signal?.throwIfAborted()
  const timedOut = said.exitCode === null && deadline.aborted
  if (timedOut) {
    if (!(await answers(container))) throw silent()
    stuck.add(engine)
  } else stuck.delete(engine)
  return { host, argv, signal: null, durationMs: performance.now() - started, timedOut, ...said }
}

interface Asked {
  readonly container: Docker.Container
  readonly argv: readonly string[]
  readonly signal: AbortSignal
}

/** What a command came to, however it was run; no exit code of one that did not end before the signal. */
type Said = Pick<CommandResult, 'exitCode' | 'stdout' | 'stderr'>

/** By engine, and there by container: the shells that wait for a command, or that there can be none. */
const shells = new WeakMap<object, Map<string, ContainerShell[] | 'none'>>()

/** In a shell that stays for the next ones; `undefined` where nothing was done, as there can be no such shell. */
async function inShell({ container, argv, signal }: Asked): Promise<Said | undefined> {
  if (!(container.modem instanceof ObservedModem) || container.modem.instead) return undefined
  const ofEngine = shells.get(container.modem) ?? new Map<string, ContainerShell[] | 'none'>()
  shells.set(container.modem, ofEngine)
  const waiting = ofEngine.get(container.id) ?? []
  if (waiting === 'none') return undefined
  ofEngine.set(container.id, waiting)
  let shell = waiting.pop()
  while (shell && !shell.usable) shell = waiting.pop()
  const fresh = !shell
  shell ??= await ContainerShell.open(container, signal)
  const answer = await shell.run(argv, signal)
  if (answer.state === 'ended') waiting.push(shell)
  if (answer.state !== 'not begun') {
    const { stdout, stderr } = answer
    const exitCode = answer.state === 'ended' ? answer.status : await exitCodeOf(shell.exec, signal)
    return { exitCode, stdout, stderr }
  }
  // 126 and 127: the engine, for a container that has none
  if (fresh && [126, 127].includes((await exitCodeOf(shell.exec, signal)) ?? 0))
    ofEngine.set(container.id, 'none')
  return undefined
}

async function asProcess({ container, argv, signal: abortSignal }: Asked): Promise<Said> {
  const command = { Cmd: [...argv], AttachStdout: true, AttachStderr: true, abortSignal }
  const created = await container.exec(command)
  const stream: Duplex = await created.start({ hijack: false, stdin: false, abortSignal })
  const stdout = new Collector()
  const stderr = new Collector()
  container.modem.demuxStream(stream, stdout, stderr)
  try {
    await finished(stream, { writable: false, signal: abortSignal })
  } catch (error) {
    if (!abortSignal.aborted) throw error
    stream.destroy()
  }
  return { exitCode: await exitCodeOf(created, abortSignal), stdout: stdout.text, stderr: stderr.text }
}

async function exitCodeOf(exec: Docker.Exec, abortSignal: AbortSignal): Promise<number | null> {
  return abortSignal.aborted ? null : (await exec.inspect({ abortSignal })).ExitCode
}

/** Whether the engine does, when a command in a container has not. */
async function answers(container: Docker.Container): Promise<boolean> {
  const engine = container.modem as object
  silentEngines.add(engine) // so that the call is not waited for as long as usual
  try {
    await container.inspect()
  } catch (error) {
    if (silentEngines.has(engine)) return false
    if (engineStatus(error) === undefined) throw error
  }
  return true
}
