/**
 * A POSIX shell that stays and runs one command after the other: where the start of each would cost more than the command, as a
 * session of sshd or an exec of Docker does.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { Collector } from './collector.ts'

/** As `ps` shows it, for those who look at a machine. */
export const shellName = 'dpbench-shell'

interface Told {
  readonly stdout: string
  readonly stderr: string
}

export type ShellAnswer =
  | ({ readonly state: 'ended'; readonly status: number } & Told)
  /** The shell ended under the command. */
  | ({ readonly state: 'lost' } & Told)
  /** The shell was gone, or never there: nothing was done. */
  | { readonly state: 'not begun' }

export class ResidentShell {
  readonly stdout = new Collector()
  readonly stderr = new Collector()
  private readonly input: Writable
  /** In a line of its own in what the shell says: no command's output can have it by chance. */
  private readonly mark = randomUUID()
  private over = false

  /** @param input the shell's; its outputs go to `stdout` and `stderr` */
  constructor(input: Writable) {
    this.input = input
    // commands have the shell's standard error as 3: it says itself there of what ended them
    input.write('exec 3>&2 2>/dev/null\n')
  }

  get usable(): boolean {
    return !this.over
  }

  /** What its owner says when the stream to it is over. */
  end(): void {
    this.over = true
    this.stdout.emit('more')
    this.stderr.emit('more')
  }

  /**
   * One command at a time.
   * @param command text for the shell; it reads nothing of the shell's own input
   * @param signal after it nothing is waited for, and the shell is of no use
   */
  async run(command: string, signal?: AbortSignal): Promise<ShellAnswer> {
    const { mark, stdout, stderr } = this
    stdout.clear()
    stderr.clear()
    const say = (what: string): string => `printf '\\036%s %s\\n' ${mark} ${what}`
    this.input.write(`${say('begin')}; ${command} 2>&3 3>&-; ${say('"$?"')}; ${say('end')} >&3\n`)
    const aborted = signal && once(signal, 'abort')
    const begin = `\u001E${mark} begin\n`
    const ends = new RegExp(`\u001E${mark} (\\d+|end)\\n$`)
    const [out, err] = await Promise.all(
      [stdout, stderr].map((from) => this.endOf(from, ends, signal, aborted)),
    )
    const [before, ...said] = stdout.text.split(begin)
    const begun = said.length > 0
    const told = {
      stdout: (begun ? said.join(begin) : before!).replace(ends, ''),
      stderr: stderr.text.replace(ends, ''),
    }
    if (out && err) return { state: 'ended', status: Number(out[1]), ...told }
    this.over = true
    return begun || signal?.aborted ? { state: 'lost', ...told } : { state: 'not begun' }
  }

  /** What `from` ends this command with; nothing when the shell ended before. */
  private async endOf(
    from: Collector,
    ends: RegExp,
    signal: AbortSignal | undefined,
    aborted: Promise<unknown> | undefined,
  ): Promise<RegExpExecArray | undefined> {
    for (;;) {
      const found = ends.exec(from.tail)
      if (found) return found
      if (this.over || signal?.aborted) return undefined
      await (aborted ? Promise.race([once(from, 'more'), aborted]) : once(from, 'more'))
    }
  }
}
