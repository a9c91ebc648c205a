/** A machine whose commands are answered by a function, for the logic that needs no machine. */
import type { CommandResult } from '../../src/core/command-result.ts'
import { CommandError } from '../../src/core/command-result.ts'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import type { RemoteHost, RunOptions } from '../../src/transport/host.ts'

export type Answer = Partial<Pick<CommandResult, 'exitCode' | 'signal' | 'stdout' | 'stderr' | 'timedOut'>>

export interface FakeHost extends RemoteHost {
  /** What was run, as a shell would take it. */
  readonly ran: string[]
}

export function fakeHost(
  name: string,
  answer: (command: string, options: RunOptions) => Answer | Promise<Answer>,
): FakeHost {
  const ran: string[] = []
  const tryRun = async (argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> => {
    options.signal?.throwIfAborted()
    const command = quoteArgv(argv)
    ran.push(command)
    const given = await answer(command, options)
    return {
      host: name,
      argv,
      exitCode: 0,
      signal: null,
      stdout: '',
      stderr: '',
      durationMs: 1,
      timedOut: false,
      ...given,
    }
  }
  return {
    name,
    ran,
    tryRun,
    async run(argv, options) {
      const result = await tryRun(argv, options)
      if (result.exitCode !== 0) throw new CommandError(result)
      return result
    },
    writeFile: () => Promise.reject(new Error('nothing is written here')),
    readFile: async (path) => (await tryRun(['cat', '--', path])).stdout,
  }
}
