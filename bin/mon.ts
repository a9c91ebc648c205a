/** `dpbench mon`: QEMU's monitor of a VM. */
import { connectHypervisor, findMachine, guestOf } from '../src/keyboard/machines.ts'
import { answer, monitorPrompt } from '../src/keyboard/monitor-prompt.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { helpOf } from './options.ts'

export const monHelp = `dpbench mon VM [options] [-- COMMAND]

A prompt of QEMU's monitor, through libvirt: \`info status\` and the like, or QMP as {"execute": "query-status"}. Ctrl-D,
\`quit\` or \`q\` leave it, and leave the VM as it is. Without a terminal each line of standard input is a command, and the
exit code is that of the first that failed.

${helpOf(configOptions)}`

export async function mon(argv: readonly string[]): Promise<number> {
  const { config, machine, command } = await askedFor('mon', argv, configOptions, {
    machine: true,
    command: true,
  })
  const found = findMachine(config, machine, 'VM')
  return atTerminal(async (signal) => {
    await using hypervisor = await connectHypervisor(found, signal)
    const guest = guestOf(found, hypervisor, signal)
    if (command.length > 0) return await answer(guest, command.join(' '), streams)
    return await monitorPrompt(guest, { ...streams, signal })
  })
}
