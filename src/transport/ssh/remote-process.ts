/**
 * One remote command in one channel. Closing a channel kills nothing on the far side, so each command first tells its
 * process group, on the first line of its standard error, and is killed by that number when it must end.
 */
import type { Writable } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import { MachineError } from '../../core/errors.ts'
import { quoteArgv } from '../../core/shell-quote.ts'
import type { RunOptions } from '../host.ts'

const marker = '\u0001dpbench-pgid '

/** Tells the process group of the shell that it is a part of, in a line of its standard error. */
export const markerCommand = `printf '${marker}%s\\n' "$$" >&2`

/**
 * The line that sshd's login shell gets. sshd makes each session a process group of its own, so the wrapper's `$$`,
 * which `exec` keeps, is the group of all that the command starts.
 * @param told whether it tells its group: with a terminal the line would be seen, and hanging up ends it
 */
export function commandLine(argv: readonly string[], sudo: boolean, told = true): string {
  const script = told ? `${markerCommand}; exec "$@"` : 'exec "$@"'
  return quoteArgv(['exec', 'sh', '-c', script, 'sh', ...asRoot(argv, sudo)])
}

export function asRoot(argv: readonly string[], sudo: boolean): readonly string[] {
  return sudo ? ['sudo', '-n', '--', ...argv] : argv
}

/** Ends the process group `$1`: SIGTERM, up to two seconds of grace, SIGKILL. `-s`, for dash. */
const endGroup =
  'kill -s TERM -- "-$1" || exit 0; n=0; ' +
  'while [ "$n" -lt 20 ] && kill -s 0 -- "-$1"; do sleep 0.1; n=$((n+1)); done; ' +
  'kill -s KILL -- "-$1"; exit 0'

/**
 * Ends the process groups that the children of the shell `$1` lead, as above. One that has only just been started leads none yet.
 * `/proc/PID/stat`: number, name in parentheses, state, parent.
 */
const endChildren = `shell=$1 n=0
groups() {
  for stat in /proc/[0-9]*/stat; do
    { read -r line < "$stat"; } 2>/dev/null || continue
    pid=\${line%% *}
    set -- \${line##*) }
    [ "$2" != "$shell" ] || [ "$3" != "$pid" ] || echo "$pid"
  done
}
while found=$(groups); [ -z "$found" ] && [ "$n" -lt 100 ] && kill -s 0 "$shell" 2>/dev/null; do sleep 0.1; n=$((n+1)); done
for group in $found; do (set -- "$group"; ${endGroup}) & done
wait`

export type WhatToEnd = { readonly group: number } | { readonly childrenOf: number }

/** The command that ends a process group, or those of all the children of a shell. */
export function killCommand(what: WhatToEnd, sudo: boolean): string {
  const [script, number] = 'group' in what ? [endGroup, what.group] : [endChildren, what.childrenOf]
  return quoteArgv(asRoot(['sh', '-c', script, 'sh', String(number)], sudo))
}

/**
 * Of both streams of a command together, what is kept in memory: more than any command of dpbench's own says (iperf3's JSON of
 * a long run has a few MiB), and little beside the controller's memory with eight of them on each connection.
 */
export const mostOutputBytes = 64 * 2 ** 20

/** What a command has said, when it has ended. */
export interface Said {
  readonly stdout: string
  readonly stderr: string
  /** Resolves when it has said more than is kept of it: it is to be ended. */
  readonly overflowed: Promise<void>
  readonly tooMuch: boolean
}

export interface CommandEnd {
  readonly exitCode: number | null
  readonly signal: string | null
}

/** A command that runs. */
export interface StartedCommand {
  /** Resolves when it has ended, or its channel was lost; then all is said. */
  readonly ended: Promise<CommandEnd>
  readonly said: Said
  /** Ends it with all that it started; `ended` comes by that. */
  stop(): void
}

/** @throws MachineError when `command` has said more than is kept of it: what was said from there on was read and dropped */
export function refuseTooMuch({ tooMuch }: Said, machine: string, command: string): void {
  if (!tooMuch) return
  throw new MachineError(
    `${machine}: \`${command}\` was ended, for it wrote more than ${mostOutputBytes / 2 ** 20} MiB to standard output and ` +
      'standard error; have it write to a file there, and fetch that',
  )
}

export interface OutputOptions {
  readonly onLine?: (line: string) => void
  readonly output?: Writable
}

/** Collects a channel's output, takes the marker line out of it, and tells lines as they come. */
export class Output implements Said {
  /** Resolves with the process group as soon as the command has told it. */
  readonly started: Promise<number>
  private tellStarted: (processGroup: number) => void = () => undefined
  readonly overflowed: Promise<void>
  private tellTooMuch: () => void = () => undefined
  private bytes = 0
  private readonly chunks: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] }
  private readonly filter = new MarkerFilter((processGroup) => this.tellStarted(processGroup))

  constructor(channel: ClientChannel, { onLine, output }: OutputOptions) {
    this.started = new Promise((resolve) => (this.tellStarted = resolve))
    this.overflowed = new Promise((resolve) => (this.tellTooMuch = resolve))
    const out = lineSplitter(onLine)
    const err = lineSplitter(onLine)
    // ended by whoever waits for the command: a channel that is destroyed ends nothing
    if (output) channel.pipe(output, { end: false })
    else
      channel.on('data', (chunk: Buffer) => {
        if (!this.keep(this.chunks.out, chunk)) return
        out(chunk)
      })
    channel.stderr.on('data', (chunk: Buffer) => {
      const rest = this.filter.pass(chunk)
      if (rest.length === 0 || !this.keep(this.chunks.err, rest)) return
      err(rest)
    })
  }

  get tooMuch(): boolean {
    return this.bytes > mostOutputBytes
  }

  /** False beyond what is kept. */
  private keep(chunks: Buffer[], chunk: Buffer): boolean {
    this.bytes += chunk.length
    if (this.tooMuch) this.tellTooMuch()
    else chunks.push(chunk)
    return !this.tooMuch
  }

  get stdout(): string {
    return Buffer.concat(this.chunks.out).toString('utf8')
  }

  get stderr(): string {
    const { head } = this.filter
    return Buffer.concat(head ? [head, ...this.chunks.err] : this.chunks.err).toString('utf8')
  }
}

export interface RunningCommand {
  readonly channel: ClientChannel
  readonly output: Output
  readonly ended: Promise<CommandEnd>
}

/** Takes the marker line out of a command's standard error. */
export class MarkerFilter {
  /** What was held back while the marker had not come. */
  head: Buffer | undefined = Buffer.alloc(0)
  private readonly tellStarted: (processGroup: number) => void

  constructor(tellStarted: (processGroup: number) => void) {
    this.tellStarted = tellStarted
  }

  /** What is left of a chunk, or of all that was held back. */
  pass(chunk: Buffer): Buffer {
    if (!this.head) return chunk
    const text = Buffer.concat([this.head, chunk])
    const start = text.indexOf(marker)
    const end = start < 0 ? -1 : text.indexOf('\n', start)
    if (end < 0) {
      this.head = text // a login shell may print before our marker; it is kept
      return Buffer.alloc(0)
    }
    this.tellStarted(Number(text.subarray(start + marker.length, end).toString('utf8')))
    this.head = undefined
    return Buffer.concat([text.subarray(0, start), text.subarray(end + 1)])
  }
}

function lineSplitter(onLine: ((line: string) => void) | undefined): (chunk: Buffer) => void {
  if (!onLine) return () => undefined
  let rest = ''
  return (chunk) => {
    const lines = chunk.toString('utf8').split('\n')
    lines[0] = rest + lines[0]! // what came before is not looked through again
    rest = lines.pop()!
    for (const line of lines) onLine(line)
  }
}

/** Gives a command its standard input, and ends it. */
export function feed(channel: ClientChannel, input: RunOptions['input']): void {
  if (input === undefined) channel.end()
  else if (typeof input === 'string' || Buffer.isBuffer(input)) channel.end(input)
  else input.pipe(channel)
}
