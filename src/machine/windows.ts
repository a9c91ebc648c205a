/** The X server in a guest: whether it is up, and its windows, by `xwininfo` there. */
import { MachineError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { waitFor } from '../core/wait.ts'
import type { RemoteHost } from '../transport/host.ts'
import { type TextPattern, matchIn, shown } from './text-pattern.ts'

export interface WindowOptions {
  /** The X display. Default: the guest's `DISPLAY`, or `:0`. */
  readonly display?: string
  /** Default 60 s. */
  readonly timeoutMs?: number
}

/** A machine that runs commands; after a reboot its connection is another one. */
export interface WindowHost {
  readonly name: string
  readonly signal?: AbortSignal | undefined
  connection(): Promise<RemoteHost>
}

/** Exit status for "there is no xwininfo": none of its own. */
const noProgram = 69

/**
 * An X server that wants a cookie: the newest that its owner or the display manager left. The list is the whole tree, since
 * a window manager wraps each window in one of its own.
 */
const script = `command -v xwininfo > /dev/null || exit ${noProgram}
export DISPLAY="\${1:-\${DISPLAY:-:0}}"
if [ -z "\${XAUTHORITY-}" ]; then
  for file in /run/user/*/gdm/Xauthority /run/lightdm/root/:* /var/run/sddm/* /home/*/.Xauthority /root/.Xauthority; do
    [ -s "$file" ] && { export XAUTHORITY="$file"; break; }
  done
fi
exec xwininfo -root -tree`

/** A line of the tree: `     0x600003 "xterm": ("xterm" "XTerm")  484x316+0+0  +0+0`. */
const windowLine = /^\s+0x[0-9a-f]+ "(.*)": \(.*\)\s+\d+x\d+[+-]/i

/** The names in what `xwininfo -root -tree` prints, outermost first. Windows without a name have none. */
export function windowNames(tree: string): string[] {
  return tree.split('\n').flatMap((line) => {
    const name = windowLine.exec(line)?.[1]
    return name === undefined || name === '' ? [] : [name]
  })
}

/** The names of all windows. @throws MachineError where there is no X server, or no xwininfo */
export async function getWindowNames(host: WindowHost, { display }: WindowOptions = {}): Promise<string[]> {
  const guest = await host.connection()
  const result = await guest.tryRun(shell(script, display ?? ''), { timeoutMs: 30_000, signal: host.signal })
  host.signal?.throwIfAborted()
  if (result.exitCode === 0) return windowNames(result.stdout)
  if (result.exitCode === noProgram)
    throw new NoWindowProgram(
      `${host.name} has no xwininfo, which asks its X server: install it there (Debian's package x11-utils)`,
    )
  const why = result.stderr.trim() || 'xwininfo had no answer'
  throw new MachineError(
    `${host.name} has no X server that can be asked (display ${display ?? ':0'}): ${why}`,
  )
}

/** Cannot come true by waiting. */
class NoWindowProgram extends MachineError {}

/** Waits until the guest's X server answers. @throws MachineError at once without xwininfo, WaitError at the deadline (60 s) */
export async function waitForX(host: WindowHost, options: WindowOptions = {}): Promise<void> {
  await waitForNames(host, options, 'to run an X server', () => true)
}

/** Waits for a window of that name; returns the name. @throws MachineError without xwininfo, WaitError at the deadline (60 s) */
export async function waitForWindow(
  host: WindowHost,
  pattern: TextPattern,
  options: WindowOptions = {},
): Promise<string> {
  const what = `to show a window ${shown(pattern)}`
  const found = (names: readonly string[]): string | undefined => names.find((name) => matchIn(name, pattern))
  return found(await waitForNames(host, options, what, (names) => found(names) !== undefined))!
}

async function waitForNames(
  host: WindowHost,
  options: WindowOptions,
  what: string,
  accept: (names: readonly string[]) => boolean,
): Promise<string[]> {
  let never: NoWindowProgram | undefined
  const waiting = waitFor<string[]>(
    async () => {
      try {
        const names = await getWindowNames(host, options)
        if (accept(names)) return { state: 'ready', value: names }
        return { state: 'pending', seen: names.length === 0 ? 'no window' : names.join(', ') }
      } catch (error) {
        if (!(error instanceof NoWindowProgram)) throw error
        never = error
        return { state: 'failed', reason: error.message }
      }
    },
    { what: `${host.name} ${what}`, timeoutMs: options.timeoutMs ?? 60_000, signal: host.signal },
  )
  return waiting.catch((error: unknown) => {
    throw never ?? error
  })
}
