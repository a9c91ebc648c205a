/**
 * Files and folders to a machine and from it, over the channel of its commands: modes and symbolic links are kept, and what
 * is copied belongs to who copies it. A folder goes through tar of both ends, as a stream; a file gets its name when it is whole.
 */
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { posix } from 'node:path'
import { CommandError } from '../core/command-result.ts'
import { MachineError, UsageError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { fileCommands } from '../transport/host.ts'
import { type Reachable, type TimedOptions, endOf } from './reachable.ts'
import { type Ends, endsOf, fetchBytes, fetchTar, sendTar } from './streams.ts'

/** Of a copy, when it is not told otherwise: ten minutes. */
const copyTimeoutMs = 600_000

/**
 * Copies `source` of the controller to `target`. A folder's content is laid into `target`, over what is there; a file
 * replaces a file. Missing folders are made. A target that ends in `/` is the folder that the copy goes into under its own name.
 * @throws UsageError when there is no `source`; MachineError
 */
export async function copyTo(
  on: Reachable,
  source: string,
  target: string,
  options: TimedOptions = {},
): Promise<void> {
  const from = await realpath(source).catch((error: unknown) => {
    throw new UsageError(`there is no ${resolve(source)} to copy to ${on.name}`, { cause: error })
  })
  const facts = await stat(from)
  const to = target.endsWith('/') ? posix.join(target, basename(resolve(source))) : target
  const run = await runner(on, `copy ${from} to ${to}`, options)
  await orSay(`${from} could not be copied to ${to} on ${on.name}`, async () => {
    if (facts.isDirectory()) await sendFolder(run, from, to, facts.mode & 0o7777)
    else await run.remote(receiveFile(to, facts.mode & 0o7777, facts.size), { input: createReadStream(from) })
  })
}

/**
 * Copies `source` of the machine to `target` on the controller, by the same rules.
 * @throws MachineError when there is no `source`, or it cannot be read or written
 */
export async function copyFrom(
  on: Reachable,
  source: string,
  target: string,
  options: TimedOptions = {},
): Promise<void> {
  const to = resolve(target.endsWith('/') ? join(target, posix.basename(source)) : target)
  const run = await runner(on, `copy ${source} to ${to} of the controller`, options)
  await orSay(`${source} of ${on.name} could not be copied to ${to}`, async () => {
    const look = shell(
      '[ -e "$1" ] || { echo "there is no $1" >&2; exit 1; }; stat -L -c "%a %F" -- "$1"',
      source,
    )
    const { stdout } = await run.remote(look)
    const mode = Number.parseInt(stdout, 8)
    const kind = await stat(to).catch(() => undefined)
    if (stdout.includes('directory')) await fetchFolder(run, source, to, kind ? undefined : mode)
    else if (kind?.isDirectory())
      throw new MachineError(`${to} is a folder; end the target with / to copy into it`)
    else await fetchFile(run, source, to, mode)
  })
}

async function runner(on: Reachable, name: string, options: TimedOptions): Promise<Ends> {
  return endsOf(await on.connection(), {
    timeoutMs: options.timeoutMs ?? copyTimeoutMs,
    signal: on.signal,
    as: { kind: 'file', name },
  })
}

/** The names are listed, so that the folder itself, which may be `/tmp`, keeps the mode that it has there. */
async function sendFolder(ends: Ends, from: string, to: string, mode: number): Promise<void> {
  const receive = shell(
    '[ -d "$1" ] || { mkdir -p -- "$1" && chmod "$2" "$1"; } || exit; exec tar -C "$1" -xpof -',
    to,
    mode.toString(8).padStart(4, '0'),
  )
  await sendTar(ends, from, await readdir(from), receive)
}

async function fetchFolder(ends: Ends, from: string, to: string, mode: number | undefined): Promise<void> {
  await mkdir(to, { recursive: true })
  await fetchTar(ends, (more) => ends.remote(['tar', '-C', from, '-cf', '-', '.'], more), to)
  if (mode !== undefined) await chmod(to, mode)
}

function receiveFile(to: string, mode: number, bytes: number): string[] {
  return shell(
    '[ ! -d "$1" ] || { echo "$1 is a folder; end the target with / to copy into it" >&2; exit 1; }\n' +
      'case $1 in */*) mkdir -p -- "${1%/*}/" || exit ;; esac; shift; exec "$@"',
    to,
    ...fileCommands.write(to, mode, bytes),
  )
}

async function fetchFile(ends: Ends, from: string, to: string, mode: number): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const partial = `${to}.partial`
  await rm(partial, { force: true })
  try {
    await fetchBytes(ends, from, partial)
    await chmod(partial, mode)
    await rename(partial, to)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

async function orSay(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const { stdout, stderr, timedOut } = error.result
    const why = timedOut ? 'it was not done at the deadline' : endOf(stderr || stdout) || 'it said no reason'
    throw new MachineError(`${what}: ${why}`, { cause: error })
  }
}
