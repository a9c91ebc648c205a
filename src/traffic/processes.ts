/**
 * Several processes of a traffic tool on one machine, in one command: started together, waited for, and what each left
 * brought back whole. Each is known by its port.
 */
import { constants } from 'node:os'
import type { CommandResult } from '../core/command-result.ts'
import type { StepBegun } from '../core/steps.ts'
import { quoteArg, quoteArgv, shell } from '../core/shell-quote.ts'
import { runVariable } from '../machine/marked-processes.ts'
import { type ProcessOutput, parseFrames } from './frames.ts'

export interface PortCommand {
  readonly port: number
  readonly argv: readonly string[]
}

/** iperf3 has a file of its block's size for each stream below TMPDIR while it runs (iperf_api.c, iperf_new_stream; 128 KiB for TCP). */
const streamBufferBytes = 128 * 1024

/**
 * The command that starts all of `commands` at the same time, waits for them, and writes each one's exit status, launch
 * time and output in frames. SIGTERM ends the processes (the group gets it too), and the frames are still written.
 * @param hangUp ends them by SIGHUP as well, which does not wait: of a tool that takes its time to end otherwise
 */
export function processesScript(commands: readonly PortCommand[], runId: string, hangUp = false): string[] {
  const ports = commands.map(({ port }) => port).join(' ')
  return shell(
    [
      'd=$(mktemp -d) || exit 1',
      `trap 'rm -rf "$d"' EXIT`,
      `trap ':' TERM INT HUP`,
      ...(hangUp ? [`trap 'for q in $pids; do kill -s HUP "$q" 2> /dev/null; done' TERM`] : []),
      `export LC_ALL=C ${runVariable}=${quoteArg(runId)}`,
      'start() { p=$1; shift; { date +%s%N > "$d/$p.at"; exec "$@" > "$d/$p.out" 2> "$d/$p.err"; } & pids="$pids $!"; }',
      'pids=',
      ...commands.map(({ port, argv }) => `start ${port} ${quoteArgv(argv)}`),
      // a trapped signal interrupts a wait, and its status is not that of the process then
      `set -- ${ports}`,
      'for q in $pids; do while :; do wait "$q"; s=$?; [ "$s" -gt 128 ] && kill -s 0 "$q" 2> /dev/null || break; done; ' +
        'echo "$s" > "$d/$1.status"; shift; done',
      "trap '' PIPE", // nobody reads any more when the connection was lost, and a signal's end would leave the folder
      // what they said may not have found room there, and a torn output alone would not tell why; their buffers' room is free by now
      `full=; head -c ${streamBufferBytes * (commands.length + 1)} /dev/zero >` +
        ' "$d/room" 2> /dev/null || full="no space is left below $d: what it said is lost"',
      // two programs for each process that said something: an emulated guest starts few in a second
      'line() { x=; [ ! -f "$d/$p.$1" ] || read -r x < "$d/$p.$1"; printf "%s %s %s\\n%s" "$p" "$1" "${#x}" "$x"; }',
      'whole() { if [ -s "$d/$p.$1" ]; then printf "%s %s %s\\n" "$p" "$1" "$(wc -c < "$d/$p.$1")"; cat "$d/$p.$1"; ' +
        'else printf "%s %s 0\\n" "$p" "$1"; fi; }',
      `for p in ${ports}; do line at; line status; whole out; ` +
        'if [ -n "$full" ]; then printf "%s err %s\\n%s" "$p" "${#full}" "$full"; else whole err; fi; done',
    ].join('\n'),
  )
}

/** What a timeline calls that: the processes alone, not the script around them. */
export function processesStep(commands: readonly PortCommand[]): Pick<StepBegun, 'kind' | 'name'> {
  return { kind: 'command', name: commands.map(({ argv }) => quoteArgv(argv)).join(' & ') }
}

/** What the processes on `ports` left behind, by port; of one whose frames are missing, why. */
export function outputsOf(
  result: CommandResult,
  ports: readonly number[],
): ReadonlyMap<number, ProcessOutput> {
  const found = parseFrames(result)
  return new Map(ports.map((port) => [port, found.get(port) ?? lost(result)]))
}

/** By which a process is ended in order: dpbench ends a server so whose client is gone. */
const orderly = new Set(['SIGINT', 'SIGTERM', 'SIGHUP'])

/** The signal that killed a process, which a shell tells as 128 and its number; `undefined` for any other end. */
export function killerOf(exitCode: number | null): string | undefined {
  const [signal] = Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number) ?? []
  return signal !== undefined && orderly.has(signal) ? undefined : signal
}

function lost(result: CommandResult): ProcessOutput {
  const why = result.timedOut ? 'it ran out of its deadline and was killed' : 'nothing of it came back'
  return {
    exitCode: null,
    stdout: '',
    stderr: `${why} ${result.stderr.trim()}`.trim(),
    launchedAtMs: undefined,
  }
}
