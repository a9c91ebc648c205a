/**
 * Processes that a run starts carry a mark in their environment: a run that was killed cannot end them, and the next one
 * finds them by it and by nothing else.
 */
import { shell } from '../core/shell-quote.ts'

export const runVariable = 'DPBENCH_RUN'

/** Of what a test runs on a machine by itself, which is no part of the run's own. Machines of a lab see each other's processes. */
export function commandMark(runId: string, machine: string): string {
  return `DPBENCH_COMMAND=${runId}:${machine}`
}

export interface EndOptions {
  /** Which processes: `NAME=value`, as it stands in their environment. */
  readonly mark: string
  /** A process group of ours, whose members may have put the mark away. */
  readonly group?: number | undefined
  /** Folders of ours: who has its output there was started by us, though it has put mark and group away, as sudo does. */
  readonly writing?: readonly string[] | undefined
  /** One after the other, while any is left. */
  readonly signals: readonly string[]
  /** How long each signal may take to work. */
  readonly graceSeconds: number
}

/**
 * The shell's `living` and `signal_all SIGNAL`, for the mark `$1`, the group `$2` and the folders `$3`, a line each; each process is signalled once. One
 * that has ended counts no more, though nobody has reaped it yet (`/proc/PID/stat`: state, parent, group).
 */
const functions = `mark=$1 group=$2 writing=$3
marked() { { grep -lzxF -e "$mark" /proc/[0-9]*/environ; writers; } 2>/dev/null | cut -d/ -f3 | sort -u; }
writers() {
  IFS='
'
  for folder in $writing; do find /proc/[0-9]*/fd/[12] -maxdepth 0 -lname "$folder/*"; done
  unset IFS
}
groups() { sed -n 's/^.*) [^ZX] [0-9]* \\([0-9]*\\) .*/\\1/p' "$@" 2>/dev/null; }
living() { { [ -n "$group" ] && groups /proc/[0-9]*/stat | grep -qx "$group"; } || [ -n "$(marked)" ]; }
signal_all() {
  outside=; for p in $(marked); do [ "$(groups "/proc/$p/stat")" = "$group" ] || outside="$outside $p"; done
  [ -z "$group" ] || kill -s "$1" -- "-$group" 2>/dev/null
  for p in $outside; do kill -s "$1" "$p" 2>/dev/null; done
}`

/** Ends them, and fails when one is there still. May be run again. */
export function endProcesses({ mark, group, writing, signals, graceSeconds }: EndOptions): string[] {
  const script = `${functions}
clock() { read -r now _ < /proc/uptime; now=\${now%.*}\${now#*.}; }
grace=$4; shift 4
for signal; do
  living || exit 0
  signal_all "$signal"
  clock; end=$((now + grace))
  while living && { clock; [ "$now" -lt "$end" ]; }; do sleep 0.1; done
done
! living`
  return shell(
    script,
    ...whichOnes({ mark, group, writing }),
    String(Math.round(graceSeconds * 100)),
    ...signals,
  )
}

/** Succeeds while one of them lives. */
export function haveProcesses(which: Which): string[] {
  return shell(`${functions}\nliving`, ...whichOnes(which))
}

type Which = Pick<EndOptions, 'mark' | 'group' | 'writing'>

function whichOnes({ mark, group, writing = [] }: Which): string[] {
  return [mark, String(group ?? ''), writing.join('\n')]
}

/** Ends the processes of a run, SIGTERM first, SIGKILL after two seconds; fails when one is there still. May be run again. */
export function endMarkedProcesses(runId: string): string[] {
  return endProcesses({ mark: `${runVariable}=${runId}`, signals: ['TERM', 'KILL'], graceSeconds: 2 })
}
