/**
 * Folders between the controller and a machine, as a tar archive over its commands alone: it works on every kind of
 * host, bounded in memory, with modes kept, and it can fetch what only root may read.
 */
import { spawn } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { CommandError } from '../core/command-result.ts'
import { programEnvironment } from '../core/passphrase.ts'
import { DpbenchError } from '../core/errors.ts'
import { runLocally } from '../core/local-command.ts'
import { shell } from '../core/shell-quote.ts'
import { together } from '../core/together.ts'
import type { TrafficEnd } from './traffic-end.ts'

const transferMs = 600_000
const chunkBytes = 8 * 1024 * 1024

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined
  /** On the machine: through sudo where the host has it. Default: the host's way. */
  readonly sudo?: boolean
}

/**
 * Unpacks a folder of the controller into one of the machine, which is made.
 * @param names what of the folder; default: all of it
 * @throws CommandError
 */
export async function sendFolder(
  ssh: TrafficEnd['ssh'],
  from: string,
  to: string,
  options: TransferOptions & { readonly names?: readonly string[] } = {},
): Promise<void> {
  const packing = spawn('tar', ['-C', from, '-czf', '-', '--', ...(options.names ?? ['.'])], {
    env: programEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
    timeout: transferMs,
  })
  // at once: what nobody reads of a program that has ended is thrown away
  const archive = packing.stdout.pipe(new PassThrough())
  let complaint = ''
  packing.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')))
  const packed = new Promise<void>((resolve, reject) => {
    packing.once('error', reject)
    packing.once('close', (status) => {
      if (status === 0) resolve()
      else reject(new DpbenchError(`${from} could not be packed: ${complaint.trim() || `tar: ${status}`}`))
    })
  })
  const { signal, sudo } = options
  const unpacked = ssh
    .run(shell('mkdir -p -- "$1" && tar -C "$1" --no-same-owner -xzf -', to), {
      input: archive,
      timeoutMs: transferMs,
      signal,
      ...(sudo !== undefined && { sudo }),
    })
    .finally(() => packing.kill()) // nobody takes the rest
  await together([packed, unpacked])
}

/**
 * Packs a folder of the machine and unpacks it on the controller. What tells of processes alone (sockets, pipes) is left.
 * @param scratch a file on the machine that may be written and is removed
 * @throws CommandError
 */
export async function fetchFolder(
  ssh: TrafficEnd['ssh'],
  from: string,
  to: string,
  scratch: string,
  options: TransferOptions = {},
): Promise<void> {
  const pack = `mkdir -p -- "$1" && cd -- "$1" && { find . ! -type s ! -type p ! -type b ! -type c -print0 | tar --no-recursion --null -T - -czf "$2"; }`
  const packed = await ssh.tryRun(shell(pack, from, scratch), { ...options, timeoutMs: transferMs })
  // 1: a file changed while it was read, as one does that somebody else writes
  if (packed.exitCode !== 0 && packed.exitCode !== 1) throw new CommandError(packed)
  await mkdir(to, { recursive: true })
  const archive = `${to}.${process.pid}.tar.gz`
  try {
    await using file = await open(archive, 'w')
    await fetchFile(ssh, scratch, (bytes) => file.writeFile(bytes), options)
    await runLocally(['tar', '-C', to, '--no-same-owner', '-xzf', archive], {
      timeoutMs: transferMs,
      signal: options.signal,
    })
  } finally {
    await rm(archive, { force: true })
    await ssh.run(['rm', '-f', '--', scratch], { ...(options.sudo !== undefined && { sudo: options.sudo }) })
  }
}

/** Reads a file of the machine in pieces, each given to `take` before the next is asked for. @throws CommandError */
export async function fetchFile(
  ssh: TrafficEnd['ssh'],
  from: string,
  take: (bytes: Buffer) => Promise<unknown>,
  options: TransferOptions = {},
): Promise<void> {
  const piece = 'tail -c "+$2" -- "$1" | head -c "$3" | base64'
  for (let offset = 0; ; offset += chunkBytes) {
    const { stdout } = await ssh.run(shell(piece, from, String(offset + 1), String(chunkBytes)), {
      ...options,
      timeoutMs: transferMs,
    })
    const bytes = Buffer.from(stdout, 'base64')
    if (bytes.length > 0) await take(bytes)
    if (bytes.length < chunkBytes) return
  }
}
