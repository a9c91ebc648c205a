/** A program on a machine, in a session of its own, with its output in files there; and how it is ended. */
import { CommandError } from '../core/command-result.ts'
import { ConnectionError, describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { endProcesses, haveProcesses, runVariable } from '../machine/marked-processes.ts'
import { folderMark, type PairSide } from './machines.ts'
import { exportedFunctions } from './helpers.ts'

/** What a helper on the local machine asks for. */
export interface Ask {
  readonly kind: string
  /** Where the answer goes, below the program's control folder. */
  readonly place: string
  readonly argument: string
}

export interface ProgramOrder {
  readonly at: PairSide
  /** Names its control folder and marks its processes: one for each program that an open group runs. */
  readonly run: string
  /** Absolute, on the machine. */
  readonly file: string
  readonly args?: readonly string[]
  /** Default: the login folder. */
  readonly cwd?: string
  readonly variables: Readonly<Record<string, string>>
  /** Its standard input, a file on the machine. Default: empty. */
  readonly input?: string
  /** Without it the helpers cannot ask. */
  readonly onAsk?: (ask: Ask) => void
  /** When the machine ends it, should the controller not have done so before. */
  readonly deadlineMs: number
}

export interface ProgramEnd {
  /** As a shell has it: 128 + N after signal N. `undefined` when the deadline of last resort ended it. */
  readonly status: number | undefined
  readonly seconds: number
  /** In a sentence: the machine was lost before the program had ended, and nobody knows what became of it. */
  readonly lost?: string | undefined
}

export interface RunningProgram {
  readonly order: ProgramOrder
  /** On the machine: `stdout`, `stderr`, and what the helpers need. */
  readonly control: string
  /** Also when the machine is lost. */
  readonly ended: Promise<ProgramEnd>
  /**
   * Ends it and all that it started, one signal after the other while any is left.
   * @throws CommandError, ConnectionError when the machine is lost and does not answer again
   */
  end(signals: readonly string[], graceSeconds: number): Promise<void>
  /** Whether it, or something that it has left behind, runs. */
  lives(): Promise<boolean>
}

/** What REMOTE_PID is on the local machine: it ends with the remote program, and a signal to it is one to that. */
const standIn = `trap 'printf "stand-in - -\\n" > "$0"; exit 143' HUP INT TERM; read -r word; exit 0`

/**
 * The machine's part. `setsid` in the foreground: a shell's background jobs ignore SIGINT, and whatever they start does.
 * Both pipes are held open here, so nothing that is written to them is lost, and their readers are told the end by a word.
 */
const runner = `control=$1 cwd=$2 input=$3 asks=$4 helpers=$5 shims=$6 stand_in=$7; shift 7
mkdir -p -- "$control" \${cwd:+"$cwd"} && cd -- "\${cwd:-$HOME}" || exit 126
PATH=$helpers:$PATH:$shims; export PATH
shell=$(command -v bash || command -v sh)
before=1
for word; do
  shift
  if [ -n "$before" ] && [ "$word" = -- ]; then before=; set -- "$@" "$shell" -c 'exec "$0" "$@"'; else set -- "$@" "$word"; fi
done
if [ "$asks" = yes ]; then
  mkfifo "$control/requests" "$control/stand-in" || exit 126
  exec 4<>"$control/requests" 5<>"$control/stand-in"
  while read -r line && [ "$line" != over ]; do printf '%s\\n' "$line"; done <&4 &
  sh -c "$stand_in" "$control/requests" <&5 >/dev/null 2>&1 4>&- 5>&- &
  REMOTE_PID=$!; export REMOTE_PID
fi
setsid sh -c 'printf "started %s\\n" "$$" >&3; exec env "$@" 3>&-' sh "$@" \\
  3>&1 >"$control/stdout" 2>"$control/stderr" <"\${input:-/dev/null}" 4>&- 5>&-
status=$?
if [ "$asks" = yes ]; then printf 'over\\n' >&4; printf 'over\\n' >&5; wait; fi
exit "$status"`

/** In the environment of all that a program starts. */
export function runMark({ folder }: PairSide, run: string): string {
  return `${runVariable}=${folder.label}.${run}`
}

/** Starts it, and resolves when it has begun. @throws CommandError when it cannot be begun, ConnectionError */
export async function startProgram(order: ProgramOrder): Promise<RunningProgram> {
  const { at, run } = order
  const { ssh } = at.machine
  const control = at.paths.control(run)
  const mark = runMark(at, run)
  const started = Promise.withResolvers<number>()
  const begun = performance.now()
  const ended = ssh
    .tryRun(commandOf(order, control, mark), {
      sudo: false,
      timeoutMs: order.deadlineMs,
      as: { kind: 'command', name: order.file },
      onLine: (line) => {
        const [, kind = '', place = '', argument = ''] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? []
        if (kind === 'started') started.resolve(Number(place))
        else if (/^ask\.\w+$|^-$/.test(place)) order.onAsk?.({ kind, place, argument })
      },
    })
    .then(
      (result): ProgramEnd => {
        started.reject(new CommandError(result)) // nothing, when it had begun
        return { status: result.exitCode ?? undefined, seconds: secondsSince(begun) }
      },
      (error: unknown): ProgramEnd => {
        started.reject(error)
        return { status: undefined, seconds: secondsSince(begun), lost: describeError(error) }
      },
    )
  const group = await started.promise
  return {
    order,
    control,
    ended,
    async end(signals, graceSeconds) {
      const timeoutMs = signals.length * graceSeconds * 2000 + 60_000
      const order = endProcesses({ mark, group, signals, graceSeconds })
      await againWhenLost(() => ssh.run(order, { timeoutMs }))
    },
    lives: async () => (await ssh.tryRun(haveProcesses({ mark, group }))).exitCode === 0,
  }
}

/** What may be done twice is done again over the next connection, if there is one. */
export async function againWhenLost<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    return work()
  }
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1000
}

function commandOf(order: ProgramOrder, control: string, mark: string): string[] {
  const { at, variables, onAsk } = order
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const own = onAsk
    ? [`DPBENCH_PAIR_CONTROL=${control}`, ...exportedFunctions(at.paths.helpers), ...sshVariables(at)]
    : []
  return shell(
    runner,
    control,
    order.cwd ?? '',
    order.input ?? '',
    onAsk ? 'yes' : '',
    at.paths.helpers,
    at.paths.shims,
    standIn,
    ...assignments,
    ...own,
    mark,
    folderMark(at),
    '--',
    order.file,
    ...(order.args ?? []),
  )
}

function sshVariables({ paths }: PairSide): string[] {
  return [`SSH_EXEC=${paths.helpers}/dpbench-on-remote`, `SSH=${paths.helpers}/dpbench-ssh`]
}
