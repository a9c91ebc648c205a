/** `dpbench repl`: a JavaScript prompt with the machines of the config. */
import { randomBytes } from 'node:crypto'
import { named } from '../src/environment/named.ts'
import { evaluate } from '../src/keyboard/repl.ts'
import { openWorkbench } from '../src/keyboard/workbench.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { helpOf } from './options.ts'
import { progress } from './terminal.ts'

export const replHelp = `dpbench repl [options]

Node's prompt with \`await\`, and in it \`vm\`, \`hypervisor\` and \`config\` as suites have them: await vm.vm1.succeed('uname -r').
What is changed on a machine (links, power, forwarded ports) is put back at the end: .exit, Ctrl-D, Ctrl-C twice. Without a
terminal the lines of standard input are evaluated, and the exit code is 1 when one of them has thrown.

${helpOf(configOptions)}`

export async function repl(argv: readonly string[]): Promise<number> {
  const { config } = await askedFor('repl', argv, configOptions, { machine: false, command: false })
  return atTerminal(async (signal) => {
    const runId = `repl-${randomBytes(4).toString('hex')}`
    await using bench = await openWorkbench({ config, runId, log: progress, signal })
    const context = {
      vm: named(bench.vms, 'VM'),
      hypervisor: named(bench.hypervisors, 'hypervisor'),
      config,
    }
    const names = [...bench.vms.keys(), ...bench.hypervisors.keys()].join(', ')
    const greeting = `vm, hypervisor and config are of ${config.name}: ${names}. .exit leaves, and puts back what was changed.`
    return await evaluate({ ...streams, context, greeting, signal })
  })
}
