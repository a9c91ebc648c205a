/** `dpbench console`: the serial console of a VM. */
import { connectHypervisor, findMachine, guestOf } from '../src/keyboard/machines.ts'
import { serialConsole } from '../src/keyboard/serial-console.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { helpOf } from './options.ts'

export const consoleHelp = `dpbench console VM [options]

The VM's serial console, by virsh on its hypervisor; Ctrl-] leaves it. The VM need not answer to SSH. Without a terminal
standard input is typed, and what the console says meanwhile is printed. What it said before: dpbench logs VM.

${helpOf(configOptions)}`

export async function console(argv: readonly string[]): Promise<number> {
  const { config, machine } = await askedFor('console', argv, configOptions, {
    machine: true,
    command: false,
  })
  const found = findMachine(config, machine, 'VM')
  return atTerminal(async (signal) => {
    await using hypervisor = await connectHypervisor(found, signal)
    return await serialConsole(guestOf(found, hypervisor, signal), { ...streams, signal })
  })
}
