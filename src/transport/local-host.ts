/** The machine that this runs on, as a host like the others: commands run here, in process groups of their own. */
import { CommandError, type CommandResult } from '../core/command-result.ts'
import { tryLocally } from '../core/local-command.ts'
import { fileCommands, type RemoteHost, type RunOptions } from './host.ts'

export class LocalHost implements RemoteHost {
  readonly name: string

  constructor(name = 'here') {
    this.name = name
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const result = await this.tryRun(argv, options)
    options.signal?.throwIfAborted()
    if (result.exitCode !== 0 || result.timedOut) throw new CommandError(result)
    return result
  }

  tryRun(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return tryLocally(argv, { ...options, ownGroup: true })
  }

  async writeFile(
    path: string,
    content: string | Buffer,
    options: { readonly mode?: number } = {},
  ): Promise<void> {
    const bytes = Buffer.byteLength(content)
    await this.run(fileCommands.write(path, options.mode ?? 0o644, bytes), { input: content })
  }

  async readFile(path: string): Promise<string> {
    return (await this.run(fileCommands.read(path))).stdout
  }
}
