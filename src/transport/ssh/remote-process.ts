/**
 * One remote command in one channel. Closing a channel kills nothing on the far side, so each command first tells its
 * process group, on the first line of its standard error, and is killed by that number when it must end.
 */
import type { Writable } from 'node:stream'
import type { ClientChannel } from 'ssh2'
import { quoteArgv } from '../../core/shell-quote.ts'

const marker = '\u0001dpbench-pgid '

/**
 * The line that sshd's login shell gets. sshd makes each session a process group of its own, so the wrapper's `$$`,
 * which `exec` keeps, is the group of all that the command starts.
 */
export function commandLine(argv: readonly string[], sudo: boolean): string {
  const script = `printf '${marker}%s\\n' "$$" >&2; exec "$@"`
  return quoteArgv(['exec', 'sh', '-c', script, 'sh', ...(sudo ? ['sudo', '-n', '--'] : []), ...argv])
}

/** The command that ends a process group: SIGTERM, up to two seconds of grace, SIGKILL. `-s`, for dash. */
export function killCommand(processGroup: number, sudo: boolean): string {
  const script =
    'kill -s TERM -- "-$1" || exit 0; n=0; ' +
    'while [ "$n" -lt 20 ] && kill -s 0 -- "-$1"; do sleep 0.1; n=$((n+1)); done; ' +
    'kill -s KILL -- "-$1"; exit 0'
  return quoteArgv([...(sudo ? ['sudo', '-n', '--'] : []), 'sh', '-c', script, 'sh', String(processGroup)])
}

/** Collects a channel's output, takes the marker line out of it, and tells lines as they come. */
export class Output {
  /** Resolves with the process group as soon as the command has told it. */
  readonly started: Promise<number>
  private tellStarted: (processGroup: number) => void = () => undefined
  private readonly chunks: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] }
  private head: Buffer | undefined = Buffer.alloc(0)

  constructor(
    channel: ClientChannel,
    { onLine, output }: { readonly onLine?: (line: string) => void; readonly output?: Writable },
  ) {
    this.started = new Promise((resolve) => (this.tellStarted = resolve))
    const out = lineSplitter(onLine)
    const err = lineSplitter(onLine)
    // ended by whoever waits for the command: a channel that is destroyed ends nothing
    if (output) channel.pipe(output, { end: false })
    else
      channel.on('data', (chunk: Buffer) => {
        this.chunks.out.push(chunk)
        out(chunk)
      })
    channel.stderr.on('data', (chunk: Buffer) => {
      const rest = this.withoutMarker(chunk)
      if (rest.length === 0) return
      this.chunks.err.push(rest)
      err(rest)
    })
  }

  get stdout(): string {
    return Buffer.concat(this.chunks.out).toString('utf8')
  }

  get stderr(): string {
    return Buffer.concat(this.head ? [this.head, ...this.chunks.err] : this.chunks.err).toString('utf8')
  }

  private withoutMarker(chunk: Buffer): Buffer {
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
    const lines = (rest + chunk.toString('utf8')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
}
