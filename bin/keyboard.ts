/** What the commands for a person at a machine share: which config, which machine, which streams. */
import { type BenchConfig, loadConfig } from '../src/config/index.ts'
import { UsageError } from '../src/core/errors.ts'
import type { Streams } from '../src/keyboard/attach.ts'
import { type OptionSpec, type OptionValues, refuseUnknown, takeOptions } from './options.ts'
import { untilSignal } from './terminal.ts'

export const configOptions: readonly OptionSpec[] = [
  {
    name: 'env-config-file',
    value: 'FILE',
    help: 'default: config/test_configurations.json, else the running lab',
  },
  { name: 'env-config-name', value: 'NAME', help: 'which config of a file that holds several' },
]

/** Not the process itself: it is spread. */
export const streams: Streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr }

export interface Asked {
  readonly config: BenchConfig
  readonly values: OptionValues
  readonly machine: string | undefined
  /** After `--`. */
  readonly command: readonly string[]
}

/**
 * Takes `[MACHINE] [options] [-- COMMAND]` apart and loads the config.
 * @throws UsageError for what the command does not take; ConfigError
 */
export async function askedFor(
  command: string,
  argv: readonly string[],
  options: readonly OptionSpec[],
  takes: { readonly machine: boolean; readonly command: boolean },
): Promise<Asked> {
  const { values, rest } = takeOptions(argv, options)
  const dashes = rest.indexOf('--')
  const before = dashes < 0 ? rest : rest.slice(0, dashes)
  const after = dashes < 0 ? [] : rest.slice(dashes + 1)
  refuseUnknown(before, options)
  const [machine, ...more] = takes.machine ? before : [undefined, ...before]
  if (more.length > 0)
    throw new UsageError(
      `dpbench ${command} takes no ${more.join(' ')}` +
        (takes.command
          ? `: a command stands after --, as in dpbench ${command} ${machine} -- ${more.join(' ')}`
          : ''),
    )
  if (after.length > 0 && !takes.command) throw new UsageError(`dpbench ${command} takes no command after --`)
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const config = await loadConfig({
    file: text('env-config-file') ?? process.env['DPBENCH_ENV_CONFIG_FILE'],
    name: text('env-config-name') ?? process.env['DPBENCH_ENV_CONFIG_NAME'],
  })
  return { config, values, machine, command: after }
}

/** As `untilSignal`, and a terminal that is closed ends it in order too. */
export function atTerminal(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  return untilSignal(work, ['SIGINT', 'SIGTERM', 'SIGHUP'])
}
