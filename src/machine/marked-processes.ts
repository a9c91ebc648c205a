/**
 * Processes that a run starts in a guest carry its id in their environment: a run that was killed cannot end them, and the
 * next one finds them by it and by nothing else.
 */
import { shell } from '../core/shell-quote.ts'

export const runVariable = 'DPBENCH_RUN'

/** Ends them, SIGTERM first, SIGKILL after two seconds; fails when one is there still. May be run again. */
export function endMarkedProcesses(runId: string): string[] {
  const script = `signal_all() {
  found=1
  for e in /proc/[0-9]*/environ; do
    grep -qzxF "$2" "$e" 2>/dev/null || continue
    p=\${e#/proc/}
    kill -s "$1" "\${p%/environ}" 2>/dev/null && found=0
  done
  return "$found"
}
n=0
while signal_all TERM "$1"; do
  [ "$n" -lt 20 ] || break
  sleep 0.1; n=$((n+1))
done
signal_all KILL "$1" || exit 0
sleep 0.2
! signal_all 0 "$1"`
  return shell(script, `${runVariable}=${runId}`)
}
