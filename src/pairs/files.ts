/** What pairs send to their machines, fetch from them, and carry between them: never more of it in memory than a piece. */
import { lstatSync } from 'node:fs'
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CommandError } from '../core/command-result.ts'
import { shell } from '../core/shell-quote.ts'
import { endOf } from '../machine/reachable.ts'
import { type Ends, endsOf, fetchBytes, fetchTar, sendTar, through } from '../machine/streams.ts'
import type { PairMachine, PairSide } from './machines.ts'

const transferMs = 600_000

/** Unpacks `names` of the controller's folder `from` on the machine, as the login user. @throws CommandError, ConnectionError */
export async function sendNames(
  { ssh }: PairMachine,
  from: string,
  names: readonly string[],
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  const receive = shell('mkdir -p -- "$1" && exec tar -C "$1" -xpof -', to)
  await sendTar(endsOf(ssh, { timeoutMs: transferMs, signal, sudo: false }), from, names, receive)
}

/**
 * Fetches a folder, made where it is not there: without sockets, pipes and devices, which are nothing elsewhere, and without
 * set-user-id, which would be somebody else's there. What changes or goes meanwhile is no fault.
 * @returns what tar could not read, if there is something
 * @throws CommandError, ConnectionError
 */
export async function fetchTree(
  { ssh }: PairMachine,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const pack = `mkdir -p -- "$1" && cd -- "$1" || exit 3
find . -xdev ! -type s ! -type p ! -type b ! -type c -print0 |
  tar --no-recursion --null --sparse --mode=u+rwX,ug-s -T - -cf -`
  const ends = endsOf(ssh, { timeoutMs: transferMs, signal })
  await mkdir(to, { recursive: true })
  let complaint: string | undefined
  const packing: Parameters<typeof fetchTar>[1] = async (more) => {
    const packed = await ends.tryRemote(shell(pack, from), more)
    // 1: a file changed as it was read; 2: something could not be read, and the rest is there
    if (packed.timedOut || packed.exitCode === null || packed.exitCode > 2) throw new CommandError(packed)
    if (packed.exitCode === 2) complaint = whatWasNotRead(packed.stderr)
  }
  await fetchTar(ends, packing, to)
  return complaint
}

/** What is gone by itself since it was listed is nobody's loss. */
function whatWasNotRead(stderr: string): string | undefined {
  const lines = stderr
    .split('\n')
    .filter((line) => !/No such file or directory$|Exiting with failure|^$/.test(line))
  return lines.length > 0 ? endOf(lines.join('\n'), 400) : undefined
}

/** A program's output and status; where the program has a file of that name, under another. @throws CommandError, ConnectionError */
export async function fetchOutput(
  { ssh }: PairMachine,
  control: string,
  status: number | undefined,
  target: (name: string) => string,
  signal?: AbortSignal,
): Promise<void> {
  const ends: Ends = endsOf(ssh, { timeoutMs: transferMs, signal })
  for (const name of ['stdout', 'stderr']) await fetchBytes(ends, `${control}/${name}`, target(name))
  await writeFile(target('exit-status'), `${status ?? 'none'}\n`, { flag: 'wx' })
}

/** The program's own files are kept; also a link to nothing is one. */
export function freeName(folder: string, name: string): string {
  for (let count = 0; ; count++) {
    const file = join(
      folder,
      [name, ...(count > 0 ? ['.dpbench'] : []), ...(count > 1 ? [`-${count}`] : [])].join(''),
    )
    if (!lstatSync(file, { throwIfNoEntry: false })) return file
  }
}

/** A folder of the controller, whatever a machine has put in its place. */
export async function ownFolder(folder: string): Promise<void> {
  const stat = await lstat(folder).catch(() => undefined)
  if (stat && !stat.isDirectory()) await rm(folder)
  await mkdir(folder, { recursive: true })
}

/** Copies a file between the two machines, by way of the controller. @throws CommandError, ConnectionError */
export async function carry(from: PairSide, source: string, to: PairSide, target: string): Promise<void> {
  const receive = shell('mkdir -p -- "${1%/*}" && exec cat > "$1"', target)
  const common = { timeoutMs: transferMs }
  await through(undefined, (pipe, signal) => [
    from.machine.ssh.run(['cat', '--', source], { ...common, output: pipe, signal }),
    to.machine.ssh.run(receive, { ...common, input: pipe, signal, sudo: false }),
  ])
}

/** Whatever programs made there as root, or took from themselves, is the login user's again. @throws ConnectionError */
export async function reclaim({ ssh }: PairMachine, folder: string, signal?: AbortSignal): Promise<void> {
  const { stdout } = await ssh.run(['id', '-u'], { sudo: false, signal })
  if (stdout.trim() === '0') return
  // where nobody may do that there is nothing of root's either, or what is sent there will tell
  await ssh.tryRun(shell('chown -Rh -- "$1" "$2" && chmod -R u+rwX -- "$2"', stdout.trim(), folder), {
    timeoutMs: transferMs,
    signal,
  })
}
