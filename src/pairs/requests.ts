/** Does what the helpers of a local program or hook ask for, and answers them. */
import pLimit from 'p-limit'
import { describeError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { carry } from './files.ts'
import type { PairSide } from './machines.ts'
import { type Ask, type RunningProgram, startProgram } from './program.ts'

/** An answer: the helper's exit status, and what it says on standard error. */
export interface Answer {
  readonly status: number
  readonly complaint?: string
}

/** What is asked about the remote program; a hook has none. */
export interface RemoteProgram {
  /** Resolves when it has ended. */
  readonly over: Promise<void>
  stop(): Promise<void>
  /** Takes note of a port that was seen as it was waited for. */
  portSeen(): void
  /** Why a port that is waited for will not open any more, if it will not. */
  givesUp(signal: AbortSignal): Promise<string>
  awaited(): void
}

export interface RequestsOptions {
  readonly local: PairSide
  readonly remote: PairSide
  /** The control folder of who asks. */
  readonly control: string
  /** Names what is run on the remote machine for it. */
  readonly run: string
  readonly variables: Readonly<Record<string, string>>
  readonly program?: RemoteProgram | undefined
  readonly portSeconds: number
  readonly deadlineMs: number
}

/** Of the channels to a machine; others must stay free to end what runs. */
const mostCommands = 4

const portStates = { 'port-open': 'open', 'port-close': 'close' } as const

export class Requests implements AsyncDisposable {
  private readonly options: RequestsOptions
  private readonly limit = pLimit(mostCommands)
  private readonly stopping = new AbortController()
  private readonly cancels = new Map<string, AbortController>()
  private readonly work = new Set<Promise<void>>()
  private count = 0

  constructor(options: RequestsOptions) {
    this.options = options
  }

  readonly take = (ask: Ask): void => {
    if (ask.kind === 'cancel') return this.cancels.get(ask.place)?.abort()
    const work = this.serve(ask).finally(() => this.work.delete(work))
    this.work.add(work)
  }

  /** Ends what is still being done. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.work)
  }

  private async serve(ask: Ask): Promise<void> {
    const cancel = new AbortController()
    this.cancels.set(ask.place, cancel)
    const signal = AbortSignal.any([cancel.signal, this.stopping.signal])
    let answer: Answer
    try {
      answer = await this.answerTo(ask, signal)
    } catch (error) {
      answer = { status: 255, complaint: `dpbench: ${describeError(error)}` }
    }
    this.cancels.delete(ask.place)
    // who asked is gone when it was cancelled; when the machine is, the program's own end tells
    if (!signal.aborted && ask.place !== '-') await this.send(ask, answer).catch(() => undefined)
  }

  private async answerTo(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const { program } = this.options
    if (ask.kind === 'run') return this.limit(() => this.runOnRemote(ask, signal))
    const { kind } = ask
    if (kind === 'port-open' || kind === 'port-close')
      return this.limit(() => this.waitForPort(ask, kind, signal))
    if (!program) return { status: 1, complaint: 'dpbench: no remote program runs beside a hook' }
    if (ask.kind === 'wait') {
      program.awaited()
      await Promise.race([program.over, aborted(signal)])
      return { status: 0 }
    }
    if (ask.kind === 'kill' || ask.kind === 'stand-in') {
      await program.stop()
      return { status: 0 }
    }
    return { status: 255, complaint: `dpbench: nobody knows what "${ask.kind}" asks for` }
  }

  /** One command on the remote machine looks with `ss`, ever less often; nothing connects to the port. */
  private async waitForPort(ask: Ask, kind: keyof typeof portStates, signal: AbortSignal): Promise<Answer> {
    const { remote, portSeconds, program } = this.options
    const port = Number(ask.argument)
    const stop = new AbortController()
    const both = AbortSignal.any([signal, stop.signal])
    const state = portStates[kind]
    const seen = remote.machine.ssh.tryRun(portCommand(state, port), {
      timeoutMs: portSeconds * 1000,
      signal: both,
    })
    const hopeless = state === 'open' && program ? program.givesUp(both) : new Promise<never>(() => undefined)
    try {
      const first = await Promise.race([seen.then(() => undefined), hopeless])
      if (first !== undefined) return { status: 1, complaint: `dpbench: ${first}` }
    } finally {
      stop.abort()
    }
    const result = await seen
    if (result.exitCode === 0) {
      program?.portSeen()
      return { status: 0 }
    }
    const verb = state === 'open' ? 'is still closed' : 'is still in use'
    if (result.timedOut)
      return {
        status: 1,
        complaint: `dpbench: port ${port} of ${remote.machine.name} ${verb} after ${portSeconds} s (--port-timeout)`,
      }
    return { status: 1, complaint: `dpbench: ${remote.machine.name}: ${result.stderr.trim() || 'ss failed'}` }
  }

  /** With its output in files on both machines: it may be anything, of any size. */
  private async runOnRemote(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const { local, remote, control, variables, deadlineMs } = this.options
    const run = `${this.options.run}.${(this.count += 1)}`
    const place = `${control}/${ask.place}`
    const { stdout: command } = await local.machine.ssh.run(['cat', '--', `${place}/command`], { signal })
    const input = await this.carryInput(place, run, signal)
    signal.throwIfAborted()
    const script = `{ [ -n "\${BASH_VERSION-}" ] && set -o pipefail; :; }; ${command}`
    const program = await startProgram({
      at: remote,
      run,
      file: '/bin/sh',
      args: [
        '-c',
        'if command -v bash >/dev/null; then exec bash -c "$1"; else exec sh -c "$1"; fi',
        'sh',
        script,
      ],
      variables,
      ...(input !== undefined && { input }),
      deadlineMs,
    })
    const end = await Promise.race([program.ended, aborted(signal)])
    if (!end) {
      await this.stop(program)
      return { status: 143 }
    }
    await carry(remote, `${program.control}/stdout`, local, `${place}/out`)
    await carry(remote, `${program.control}/stderr`, local, `${place}/err`)
    return { status: end.status ?? 255 }
  }

  private async stop(program: RunningProgram): Promise<void> {
    await program.end(['HUP', 'TERM', 'KILL'], 2)
    await program.ended
  }

  private async carryInput(place: string, run: string, signal: AbortSignal): Promise<string | undefined> {
    const { local, remote } = this.options
    const given = await local.machine.ssh.tryRun(['test', '-s', `${place}/input`], { signal })
    if (given.exitCode !== 0) return undefined
    const to = `${remote.paths.control(run)}-input`
    await carry(local, `${place}/input`, remote, to)
    return to
  }

  private async send({ place }: Ask, { status, complaint }: Answer): Promise<void> {
    const { local, control } = this.options
    const script = `[ -p "$1/answer" ] || exit 0
[ -z "$3" ] || printf '%s\\n' "$3" >> "$1/err"
printf '%s\\n' "$2" 1<>"$1/answer"`
    await local.machine.ssh.run(shell(script, `${control}/${place}`, String(status), complaint ?? ''))
  }
}

/** TCP and UDP; a connection that has ended and is only kept in mind by the kernel is no use of the port. */
function portCommand(state: 'open' | 'close', port: number): string[] {
  const script = `pause=0.1
while :; do
  seen=$(ss -Htuan "sport = :$2") || exit 2
  if [ "$1" = open ]; then
    printf '%s\\n' "$seen" | grep -Eq '^[a-z]+ +(LISTEN|UNCONN) ' && exit 0
  else
    printf '%s\\n' "$seen" | grep -Eq '^[a-z]+ +(LISTEN|UNCONN|ESTAB) ' || exit 0
  fi
  sleep "$pause"
  case $pause in 0.1) pause=0.2;; 0.2) pause=0.5;; esac
done`
  return shell(script, state, String(port))
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return undefined
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
