/** `dpbench ssh`: a shell on a machine of the config, or one command. */
import { connectHypervisor, connectVm, findMachine } from '../src/keyboard/machines.ts'
import { remoteShell } from '../src/keyboard/shell.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { type OptionSpec, helpOf } from './options.ts'

const options: readonly OptionSpec[] = [
  ...configOptions,
  { name: 'tty', help: 'a terminal for COMMAND too, as `ssh -t`' },
]

export const sshHelp = `dpbench ssh MACHINE [options] [-- COMMAND]

A shell on a VM or hypervisor of the config, through the hypervisor's connection, as the user who logs in; or COMMAND:
one word is a line for the shell there ('ls | wc -l'), several are a program and its arguments. Its exit status is this
command's. Without a terminal the shell reads its commands from standard input.

${helpOf(options)}`

export async function ssh(argv: readonly string[]): Promise<number> {
  const { config, values, machine, command } = await askedFor('ssh', argv, options, {
    machine: true,
    command: true,
  })
  const found = findMachine(config, machine)
  return atTerminal(async (signal) => {
    await using hypervisor = await connectHypervisor(found, signal)
    await using vm = found.vm && (await connectVm(config, found.vm, hypervisor, signal))
    const terminal = values['tty'] === true
    return await remoteShell((vm ?? hypervisor).ssh, { ...streams, command, terminal, signal })
  })
}
