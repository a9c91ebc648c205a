/**
 * What copies and results are made of: tar archives and files as streams between the controller and a machine, over the
 * channel of its commands, so that nothing is held in memory and nothing but commands is needed of a machine.
 */
import { createWriteStream } from 'node:fs'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { CommandResult } from '../core/command-result.ts'
import { runLocally } from '../core/local-command.ts'
import { type RemoteHost, type RunOptions, fileCommands } from '../transport/host.ts'

/** Both ends of a copy. */
export interface Ends {
  /** On the machine. @throws CommandError, ConnectionError */
  remote(argv: readonly string[], more?: RunOptions): Promise<CommandResult>
  /** On the machine; resolves however it ends. @throws ConnectionError */
  tryRemote(argv: readonly string[], more?: RunOptions): Promise<CommandResult>
  /** On the controller. @throws CommandError */
  local(argv: readonly string[], more?: Pick<RunOptions, 'input' | 'output' | 'signal'>): Promise<unknown>
  readonly signal: AbortSignal | undefined
}

/** Every command of the copy has the same deadline and the same way to become root. */
export function endsOf(
  host: Pick<RemoteHost, 'run' | 'tryRun'>,
  common: Pick<RunOptions, 'timeoutMs' | 'signal' | 'sudo' | 'as'>,
): Ends {
  const { sudo: _sudo, as: _as, ...local } = common
  return {
    signal: common.signal,
    remote: (argv, more) => host.run(argv, { ...common, ...more }),
    tryRemote: (argv, more) => host.tryRun(argv, { ...common, ...more }),
    local: (argv, more) => runLocally(argv, { ...local, ...more }),
  }
}

/** Packs `names` of the controller's folder `from`; `receive` unpacks them on the machine. */
export async function sendTar(
  ends: Ends,
  from: string,
  names: readonly string[],
  receive: readonly string[],
): Promise<void> {
  const list = names.map((name) => `./${name}\0`).join('')
  await through(ends.signal, (pipe, signal) => [
    ends.local(['tar', '-C', from, '-cf', '-', '--null', '-T', '-'], { input: list, output: pipe, signal }),
    ends.remote(receive, { input: pipe, signal }),
  ])
}

/** Unpacks into the controller's folder `to`, which is there and keeps its mode, what `pack` packs on the machine. */
export async function fetchTar(
  ends: Ends,
  pack: (more: Pick<RunOptions, 'output' | 'signal'>) => Promise<unknown>,
  to: string,
): Promise<void> {
  await through(ends.signal, (pipe, signal) => [
    pack({ output: pipe, signal }),
    ends.local(['tar', '-C', to, '--no-overwrite-dir', '-xpof', '-'], { input: pipe, signal }),
  ])
}

/** The machine's file `from` as the controller's new file `to`, which nobody else may read. */
export async function fetchBytes(ends: Ends, from: string, to: string): Promise<void> {
  const output = createWriteStream(to, { mode: 0o600, flags: 'wx' })
  try {
    await Promise.all([ends.remote(fileCommands.read(from), { output }), finished(output)])
  } catch (error) {
    output.destroy()
    throw error
  }
}

/** Two ends of a stream: when one fails the other is ended, and the first failure is what is thrown. */
export async function through(
  signal: AbortSignal | undefined,
  ends: (pipe: PassThrough, signal: AbortSignal) => readonly Promise<unknown>[],
): Promise<void> {
  const stop = new AbortController()
  const pipe = new PassThrough()
  const failures: unknown[] = []
  const all = ends(pipe, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal)
  await Promise.all(
    all.map((end) =>
      end.catch((error: unknown) => {
        failures.push(error)
        stop.abort(error)
        pipe.destroy()
      }),
    ),
  )
  signal?.throwIfAborted()
  if (failures.length > 0) throw failures[0]
}
