/** `dpbench logs`: what a machine of the config has to say. */
import { DisposalStack } from '../src/core/disposal-stack.ts'
import { ExitCode } from '../src/core/errors.ts'
import { logKinds } from '../src/core/kept-log.ts'
import { showLogs } from '../src/keyboard/logs.ts'
import { connectHypervisor, connectVm, findMachine } from '../src/keyboard/machines.ts'
import { Values } from './flow-options.ts'
import { askedFor, atTerminal, configOptions } from './keyboard.ts'
import { type OptionSpec, helpOf } from './options.ts'

const options: readonly OptionSpec[] = [
  ...configOptions,
  { name: 'follow', help: 'go on with what comes, until Ctrl-C; also -f' },
  { name: 'kind', value: 'KIND', help: 'console, journal or data-plane alone; default: all that there are' },
  { name: 'lines', value: 'N', help: 'how many of each, from the end; default: 200' },
]

export const logsHelp = `dpbench logs MACHINE [options]

Of a VM its serial console and its journal; of a hypervisor its journal and the log of the data plane that dpbench made.

${helpOf(options)}`

export async function logs(argv: readonly string[]): Promise<number> {
  const words = argv.map((word) => (word === '-f' ? '--follow' : word))
  const { config, values, machine } = await askedFor('logs', words, options, {
    machine: true,
    command: false,
  })
  const checked = new Values(values)
  const [kind, lines] = [checked.oneOf('kind', logKinds), checked.whole('lines', 200, 1_000_000)]
  checked.settle()
  const found = findMachine(config, machine)
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  return atTerminal(async (signal) => {
    await using stack = new DisposalStack()
    const hypervisor = stack.use(await connectHypervisor(found, signal))
    const { vm } = found
    const logged = vm && {
      name: vm.name,
      hypervisor,
      connect: async () => stack.use(await connectVm(config, vm, hypervisor, signal)).ssh,
    }
    await showLogs(logged ?? hypervisor, { kind, lines, follow: values['follow'] === true, print, signal })
    return ExitCode.passed
  })
}
