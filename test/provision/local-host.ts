/** This machine as a remote host: commands run here, as they are. For the parts of a plan that are files and pipes. */
import { CommandError, type CommandResult } from '../../src/core/command-result.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import { fileCommands, type RemoteHost, type RunOptions } from '../../src/transport/host.ts'

export class LocalHost implements RemoteHost {
  readonly name: string

  constructor(name = 'here') {
    this.name = name
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    const result = await this.tryRun(argv, options)
    if (result.exitCode !== 0) throw new CommandError(result)
    return result
  }

  tryRun(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    return tryLocally(argv, options)
  }

  async writeFile(
    path: string,
    content: string | Buffer,
    options: { readonly mode?: number } = {},
  ): Promise<void> {
    await this.run(fileCommands.write(path, options.mode ?? 0o644, Buffer.byteLength(content)), {
      input: content,
    })
  }

  async readFile(path: string): Promise<string> {
    return (await this.run(fileCommands.read(path))).stdout
  }
}
