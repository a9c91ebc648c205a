/**
 * Commands that a test runs on machines carry the run's mark, and are in the journal from the first of them on: a run that is
 * killed cannot end them. What a test leaves running in a run that ends as it should is a leak: it is told first, and ended then.
 */
import { z } from 'zod'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { commandMark, endProcesses } from '../machine/marked-processes.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import { journalHostSchema } from '../transport/ssh/address.ts'
import { journalHost } from './addresses.ts'
import type { UndoGuests } from './undo-guests.ts'

export const testCommandsKind = 'test-commands'

const testCommandsUndo = z.object({ mark: z.string(), guest: journalHostSchema.optional() })

/** From now on commands of tests on these machines carry the run's mark. */
export function markTestCommands(
  machines: readonly (Hypervisor | VirtualMachine)[],
  undoLog: UndoLog,
  runId: string,
): void {
  for (const machine of machines) {
    const mark = commandMark(runId, machine.name)
    let recorded: Promise<unknown> | undefined
    machine.markCommands(async () => {
      await (recorded ??= record(machine, undoLog, mark))
      return mark
    })
  }
}

function record(machine: Hypervisor | VirtualMachine, undoLog: UndoLog, mark: string): Promise<unknown> {
  const what = `${machine.name}: what commands of tests have started`
  if (!(machine instanceof VirtualMachine))
    return undoLog.record({ hypervisor: machine.name, what, undo: { kind: testCommandsKind, mark } })
  const guest = { ...journalHost(machine.ssh.address) }
  const undo = { kind: testCommandsKind, mark, guest }
  return undoLog.record({ hypervisor: machine.hypervisor.name, what, undo })
}

/** @throws CommandError when one of them lives on; ConnectionError */
export async function endTestCommands(
  data: unknown,
  hypervisor: Hypervisor,
  guests: UndoGuests,
): Promise<void> {
  const { mark, guest } = testCommandsUndo.parse(data)
  const host = guest ? await guests.host(guest, hypervisor) : hypervisor.ssh
  await host.run(endProcesses({ mark, signals: ['TERM', 'KILL'], graceSeconds: 2 }))
}
