/**
 * Changes that a suite makes on machines, for whatever dpbench has no fixture: in the journal before they are made, with the
 * commands that take them back, so that a run which is killed leaves none of them.
 */
import { UsageError } from '../core/errors.ts'
import { inOrder } from '../core/shell-quote.ts'
import type { UndoLog } from '../dataplane/dataplane.ts'
import { bootId } from '../machine/guest-network.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { VirtualMachine } from '../machine/virtual-machine.ts'
import { recordGuestUndo } from './guest-address.ts'

type Commands = readonly (readonly string[])[]

export interface Change {
  /** For people: `the route to 10.0.0.0/8`. */
  readonly what: string
  /** Argument arrays, run as root one after the other up to the first that fails. */
  readonly commands: Commands
  /**
   * Take it back, also where it was made by half or is gone already: each must succeed then too. Not run on a machine that was
   * rebooted since: it has forgotten the change.
   */
  readonly undo: Commands
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

/** By this kind the journal knows commands that are to be run on a hypervisor. */
export const hypervisorUndo = 'commands'

/**
 * Makes the change and returns its undo, which may be called more than once. One that fails is taken back at once.
 * @throws CommandError; UsageError for a change that cannot be taken back
 */
export async function makeChange(
  undoLog: UndoLog,
  machine: VirtualMachine | Hypervisor,
  { what, commands, undo, timeoutMs, signal }: Change,
): Promise<() => Promise<void>> {
  if (undo.length === 0)
    throw new UsageError(`change on ${machine.name}: ${what}: "undo" is empty; write what takes it back`)
  const boot = await bootId(machine.ssh)
  const named = `${machine.name}: ${what}`
  const record =
    machine instanceof VirtualMachine
      ? await recordGuestUndo(undoLog, machine, named, undo, boot)
      : await undoLog.record({
          hypervisor: machine.name,
          what: named,
          undo: { kind: hypervisorUndo, bootId: boot, commands: undo },
        })
  let undone: Promise<void> | undefined
  const takeBack = (): Promise<void> =>
    (undone ??= (async () => {
      await machine.ssh.run(inOrder(undo))
      await record.done()
    })())
  try {
    if (commands.length > 0)
      await machine.ssh.run(inOrder(commands), { timeoutMs: timeoutMs ?? 60_000, signal })
  } catch (error) {
    // what cannot be taken back now stays in the journal; the cause is what is thrown
    await takeBack().catch(() => undefined)
    throw error
  }
  return takeBack
}
