/** The fixture `change`: what a suite does to a machine beyond the other fixtures, taken back after the test or with the run. */
import type { DisposalStack } from '../core/disposal-stack.ts'
import type { Change } from '../environment/changes.ts'
import type { Environment } from '../environment/environment.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'

export interface MachineChange extends Omit<Change, 'signal'> {
  /** `run`: it stays for the tests that follow, which make it no second time. Default `test`. */
  readonly lasts?: 'test' | 'run'
}

/**
 * Makes a change on a machine, in the journal before it is made: it is taken back also after a crash.
 * @throws CommandError when it cannot be made, and is taken back then
 */
export type MakeChange = (machine: VirtualMachine | Hypervisor, change: MachineChange) => Promise<void>

/** @param undo of the test */
export function changesIn(environment: Environment, undo: DisposalStack, signal: AbortSignal): MakeChange {
  return async (machine, { lasts = 'test', ...change }) => {
    signal.throwIfAborted() // the test has ended: nobody would take it back
    if (lasts === 'test') return undo.defer(await environment.change(machine, { ...change, signal }))
    const key = `${machine.name}: ${change.what}`
    const made = environment.lastingChanges.get(key) ?? environment.change(machine, change)
    environment.lastingChanges.set(key, made)
    try {
      await made
    } catch (error) {
      environment.lastingChanges.delete(key) // the next test may try again
      throw error
    }
  }
}
