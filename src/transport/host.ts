/** A machine that runs commands, whatever carries them there: an SSH connection, or a recorder for a plan. */
import type { Readable, Writable } from 'node:stream'
import type { CommandResult } from '../core/command-result.ts'
import { shell } from '../core/shell-quote.ts'
import type { StepBegun } from '../core/steps.ts'

export interface RunOptions {
  /** At the deadline the remote process group is killed, SIGTERM first. Default 60 s. */
  readonly timeoutMs?: number
  /** Aborting kills the remote process group too. */
  readonly signal?: AbortSignal | undefined
  /** Given to the command's standard input, which is closed at its end; without it stdin is closed at once. */
  readonly input?: string | Buffer | Readable
  /** Standard output goes there, byte for byte, instead of into the result; it is ended with the command. */
  readonly output?: Writable
  /** Called with each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void
  /** Run through `sudo -n`. Default: what the host was connected with. */
  readonly sudo?: boolean
  /**
   * In an SSH session of its own, not in a shell that stays for the next commands: for what others write, which may leave
   * something behind that goes on talking.
   */
  readonly ownSession?: boolean
  /** What a timeline calls it. Default: the command itself. */
  readonly as?: Pick<StepBegun, 'kind' | 'name'>
}

export interface RemoteHost {
  /** As the config names it. */
  readonly name: string
  /**
   * Runs a command and returns its result.
   * @throws CommandError when it does not end with status 0, ConnectionError when the host is out of reach.
   */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Runs a command and resolves however it ends. @throws ConnectionError when the host is out of reach. */
  tryRun(argv: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Writes a whole file atomically: a partial file beside it, then a rename. `mode` is octal, default 0644. */
  writeFile(path: string, content: string | Buffer, options?: { readonly mode?: number }): Promise<void>
  /** Reads a whole text file. @throws CommandError when it cannot be read. */
  readFile(path: string): Promise<string>
}

/** The two file operations in terms of commands, for every kind of host. */
export const fileCommands = {
  /** Counts the bytes: when the controller dies half-way, a file that ends there must not get its name. */
  write: (path: string, mode: number, bytes: number): string[] =>
    shell(
      'umask 077 && cat > "$1.partial" && [ "$(wc -c < "$1.partial")" -eq "$3" ] && chmod "$2" -- "$1.partial" && mv -f -- "$1.partial" "$1"',
      path,
      mode.toString(8).padStart(4, '0'),
      String(bytes),
    ),
  read: (path: string): string[] => ['cat', '--', path],
  /** What a timeline calls writing: never what is written. */
  writing: (path: string, mode: number, bytes: number): Pick<StepBegun, 'kind' | 'name'> => ({
    kind: 'file',
    name: `write ${path} (${bytes} bytes, mode ${mode.toString(8)})`,
  }),
}
