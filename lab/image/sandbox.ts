/**
 * Commands that mount: run in a mount and a process namespace of their own. When they end, fail or are killed, or when
 * the program that started them dies, kill -9 included, their mounts and loop devices are gone with them.
 */
import type { CommandResult } from '../../src/core/command-result.ts'
import { type LocalCommandOptions, runLocally } from '../../src/core/local-command.ts'

const sandbox = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
]

/** Runs `argv` in the sandbox. Throws CommandError when it fails. */
export async function runInSandbox(
  argv: readonly string[],
  options: LocalCommandOptions,
): Promise<CommandResult> {
  return await runLocally([...sandbox, ...argv], options)
}
