/** `dpbench logs`: what a machine has to say, and with `-f` what it says from now on. */
import { PassThrough, Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type Docker from 'dockerode'
import { MachineError } from '../core/errors.ts'
import type { LogKind } from '../core/kept-log.ts'
import { shell } from '../core/shell-quote.ts'
import { together } from '../core/together.ts'
import { runLabel } from '../dataplane/dpservice/container.ts'
import { markConsole } from '../machine/console-log.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { RemoteHost } from '../transport/host.ts'

export interface LogOptions {
  /** Default: all that the machine has. */
  readonly kind?: LogKind | undefined
  /** How many lines of each, from the end. */
  readonly lines: number
  readonly follow: boolean
  readonly print: (line: string) => void
  readonly signal: AbortSignal
}

/** A log that is there. */
interface Source {
  readonly kind: LogKind
  show(print: (line: string) => void): Promise<void>
}

/** Of a VM: its console, and its journal by its own connection, which is made only then. */
export interface LoggedVm {
  readonly name: string
  readonly hypervisor: Hypervisor
  connect(): Promise<RemoteHost>
}

/** A day: longer than anybody looks. */
const followMs = 86_400_000

/** @throws MachineError when the machine has no such log; CommandError, ConnectionError */
export async function showLogs(machine: Hypervisor | LoggedVm, options: LogOptions): Promise<void> {
  const { kind, print, signal } = options
  const wanted = (one: LogKind): boolean => kind === undefined || kind === one
  const found = await together(
    'hypervisor' in machine
      ? [
          ...(wanted('console') ? [consoleOf(machine, options)] : []),
          ...(wanted('journal') ? [machine.connect().then((guest) => journalOf(guest, options))] : []),
        ]
      : [
          ...(wanted('journal') ? [journalOf(machine.ssh, options)] : []),
          ...(wanted('data-plane') ? [dataPlaneOf(machine, options)] : []),
        ],
  )
  const sources = found.filter((source) => source !== undefined)
  if (sources.length === 0)
    throw new MachineError(`${machine.name} has ${nothing(kind, 'hypervisor' in machine)}`)
  const prefixed = sources.length > 1 && options.follow
  const shows = sources.map((source) => async () => {
    if (sources.length > 1 && !prefixed) print(`== ${source.kind} of ${machine.name}`)
    await source.show(prefixed ? (line) => print(`${source.kind}: ${line}`) : print)
  })
  if (prefixed) await together(shows.map((show) => show()))
  else for (const show of shows) await show()
  signal.throwIfAborted()
}

function nothing(kind: LogKind | undefined, vm: boolean): string {
  const [console, journal, dataPlane] = [
    'no console in a file (a namespace guest of a lab is no libvirt domain)',
    'no journal, and no log file in /var/log',
    'no container that dpbench made: none is deployed now',
  ]
  if (kind === 'data-plane') return vm ? 'no data plane: that runs on its hypervisor' : dataPlane
  if (kind === 'console') return vm ? console : 'no console of its own: ask for that of a VM'
  if (kind === 'journal') return journal
  return vm ? `${console}, ${journal}` : `${journal}, ${dataPlane}`
}

async function consoleOf({ name, hypervisor }: LoggedVm, options: LogOptions): Promise<Source | undefined> {
  const mark = await markConsole(hypervisor.ssh, name)
  if (!mark) return undefined
  // by name: virtlogd begins the file anew when it is full
  const argv = ['tail', '-n', String(options.lines), ...(options.follow ? ['-F'] : []), '--', mark.file]
  return { kind: 'console', show: (print) => lines(hypervisor.ssh, argv, options, print) }
}

/** The journal where it says something, else the files that a system without one writes. */
const journalScript = `lines=$1 follow=$2
if [ -n "$(journalctl --quiet --no-pager --lines=1 2>/dev/null)" ]; then
  exec journalctl --no-pager --output=short-iso --lines="$lines" $follow
fi
set --
for name in syslog messages secure auth.log daemon.log sshd.log; do
  for file in /var/log/"$name" /var/log/*/"$name"; do [ -s "$file" ] && set -- "$@" "$file"; done
done
[ "$#" -gt 0 ] || exit 69
[ -z "$follow" ] || exec tail -n "$lines" -F "$@"
exec tail -n "$lines" "$@"`

async function journalOf(host: RemoteHost, options: LogOptions): Promise<Source | undefined> {
  const asked = await host.tryRun(shell(journalScript, '1', ''), { signal: options.signal })
  if (asked.exitCode === 69) return undefined
  const argv = shell(journalScript, String(options.lines), options.follow ? '--follow' : '')
  return { kind: 'journal', show: (print) => lines(host, argv, options, print) }
}

/** Following ends by Ctrl-C alone, and that is no fault. */
async function lines(
  host: RemoteHost,
  argv: readonly string[],
  { follow, signal }: LogOptions,
  print: (line: string) => void,
): Promise<void> {
  const timeoutMs = follow ? followMs : 60_000
  if (follow) await host.tryRun(argv, { signal, timeoutMs, onLine: print })
  else
    for (const line of (await host.run(argv, { signal, timeoutMs })).stdout.trimEnd().split('\n')) print(line)
}

async function dataPlaneOf({ docker }: Hypervisor, options: LogOptions): Promise<Source | undefined> {
  const [newest] = await docker.listContainers({ all: true, filters: { label: [runLabel] } })
  if (!newest) return undefined
  return {
    kind: 'data-plane',
    show: (print) => containerLines(docker.getContainer(newest.Id), options, print),
  }
}

async function containerLines(
  container: Docker.Container,
  { lines, follow, signal }: LogOptions,
  print: (line: string) => void,
): Promise<void> {
  const sink = new PassThrough()
  let rest = ''
  sink.on('data', (chunk: Buffer) => {
    const whole = (rest + chunk.toString('utf8')).split('\n')
    rest = whole.pop() ?? ''
    for (const line of whole) print(line)
  })
  const wanted = { stdout: true, stderr: true, timestamps: true, tail: lines }
  if (!follow) {
    const raw = (await container.logs({ ...wanted, follow: false })) as Buffer
    const stream = Readable.from([raw])
    container.modem.demuxStream(stream, sink, sink)
    await finished(stream)
    return
  }
  const stream = await container.logs({ ...wanted, follow: true })
  container.modem.demuxStream(stream, sink, sink)
  const stop = (): void => void (stream as unknown as { destroy(): void }).destroy()
  signal.addEventListener('abort', stop, { once: true })
  await finished(stream, { writable: false }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
