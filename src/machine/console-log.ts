/** A guest's serial console, where libvirt writes it into a file: the part of it that a run has written. */
import { mostLogBytes } from '../core/kept-log.ts'
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'
import { Virsh } from '../transport/libvirt/virsh.ts'

const fetchTimeoutMs = 30_000
/** Shown of the time before a run in which a console said nothing. */
const earlierBytes = 16_384

/** Where a console's file ended when the run began. */
export interface ConsoleMark {
  readonly file: string
  readonly bytes: number
}

/**
 * `undefined` for a guest that is no libvirt domain, or whose console is in no file.
 * @throws CommandError, ConnectionError
 */
export async function markConsole(hypervisor: RemoteHost, guest: string): Promise<ConsoleMark | undefined> {
  const file = await consoleFile(hypervisor, guest)
  if (file === undefined) return undefined
  const { stdout } = await hypervisor.run(shell('stat -c %s -- "$1" 2>/dev/null || echo 0', file))
  return { file, bytes: Number(stdout) }
}

const consoleFiles = new WeakMap<RemoteHost, Map<string, Promise<string | undefined>>>()

/** Asked once over a connection: a console is marked for the logs of the run, for the watchdog, and for tests that wait for a text. */
async function consoleFile(hypervisor: RemoteHost, guest: string): Promise<string | undefined> {
  const known = consoleFiles.get(hypervisor) ?? new Map<string, Promise<string | undefined>>()
  consoleFiles.set(hypervisor, known)
  const asking =
    known.get(guest) ??
    new Virsh(hypervisor, { timeoutMs: fetchTimeoutMs }).domain(guest).then((domain) => domain?.consoleLog)
  known.set(guest, asking)
  const file = await asking.catch((error: unknown) => {
    known.delete(guest)
    throw error
  })
  if (file === undefined) known.delete(guest)
  return file
}

/** A file shorter than the mark was begun anew by libvirt's log daemon: then all of it is of the run. */
const script = `size=$(stat -c %s -- "$1") || exit
from=$2; [ "$size" -ge "$from" ] || from=0
if [ "$size" -gt "$from" ]; then
  tail -c "+$((from + 1))" -- "$1" | tail -c "$3"
else
  echo '== nothing was written during the run; before it:'
  tail -c "$4" -- "$1"
fi`

/** @throws CommandError when the file cannot be read; ConnectionError */
export async function consoleSince(hypervisor: RemoteHost, { file, bytes }: ConsoleMark): Promise<string> {
  const limits = [mostLogBytes.console, earlierBytes].map(String)
  const command = shell(script, file, String(bytes), ...limits)
  return (await hypervisor.run(command, { timeoutMs: fetchTimeoutMs })).stdout
}

/**
 * What was written since, and where that ends. virtlogd begins a file anew when it is full, and keeps the one before as
 * `FILE.0`: what was written there after the mark counts too. The first line is the file's size.
 */
const newScript = `size=$(stat -c %s -- "$1") || exit
echo "$size"
from=$2
{
  if [ "$size" -lt "$from" ]; then
    [ ! -f "$1.0" ] || tail -c "+$((from + 1))" -- "$1.0"
    from=0
  fi
  tail -c "+$((from + 1))" -- "$1" | head -c "$((size - from))"
} | tail -c "$3"`

/** @throws CommandError when the file cannot be read; ConnectionError */
export async function newConsoleText(
  hypervisor: RemoteHost,
  { file, bytes }: ConsoleMark,
  signal?: AbortSignal,
): Promise<{ readonly text: string; readonly mark: ConsoleMark }> {
  const command = shell(newScript, file, String(bytes), String(mostLogBytes.console))
  const { stdout } = await hypervisor.run(command, { timeoutMs: fetchTimeoutMs, signal })
  const end = stdout.indexOf('\n')
  return { text: stdout.slice(end + 1), mark: { file, bytes: Number(stdout.slice(0, end)) } }
}
