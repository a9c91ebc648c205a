/** `dpbench gdb`: a debugger on a VM's kernel. */
import { randomBytes } from 'node:crypto'
import { environmentFolder } from '../src/config/index.ts'
import { openJournal } from '../src/core/journal.ts'
import { journalFile, undoLogOf } from '../src/environment/environment.ts'
import { debug } from '../src/keyboard/gdb.ts'
import { connectHypervisor, findMachine, guestOf } from '../src/keyboard/machines.ts'
import type { RecordChange } from '../src/machine/put-back.ts'
import { askedFor, atTerminal, configOptions, streams } from './keyboard.ts'
import { type OptionSpec, helpOf } from './options.ts'

const options: readonly OptionSpec[] = [
  ...configOptions,
  { name: 'symbols', value: 'FILE', help: 'a vmlinux with symbols, on this machine' },
  { name: 'print', help: 'print the gdb command line and wait, in the place of running gdb' },
]

export const gdbHelp = `dpbench gdb VM [options]

Opens QEMU's gdb stub of the VM on its hypervisor's loopback, brings it to a port of this machine, and runs gdb there, where
it is installed and there is a terminal; otherwise it prints the command line and waits for Ctrl-C. Then the stub is closed,
and a VM that ran before runs again.

${helpOf(options)}`

export async function gdb(argv: readonly string[]): Promise<number> {
  const { config, values, machine } = await askedFor('gdb', argv, options, { machine: true, command: false })
  const found = findMachine(config, machine, 'VM')
  const symbols = typeof values['symbols'] === 'string' ? values['symbols'] : undefined
  return atTerminal(async (signal) => {
    await using hypervisor = await connectHypervisor(found, signal)
    const guest = { ...guestOf(found, hypervisor, signal), hypervisor }
    const journal = await openJournal(journalFile(environmentFolder(process.cwd(), config.name)))
    const undoLog = undoLogOf(journal, { config, runId: `gdb-${randomBytes(4).toString('hex')}` })
    const recordChange: RecordChange = (what, undo) =>
      undoLog.record({ hypervisor: hypervisor.name, what, undo })
    const print = values['print'] === true
    return await debug(guest, { ...streams, symbols, print, recordChange, signal })
  })
}
