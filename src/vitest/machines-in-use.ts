/** The machines while a test drives them, and as the next test is to find them. */
import { together } from '../core/together.ts'
import type { Environment } from '../environment/environment.ts'
import type { Machine } from '../machine/machine.ts'
import { tell } from './messages.ts'

type Machines = Pick<Environment, 'hypervisors' | 'vms'>

/** What is asked of the machines from now on ends when the test is aborted. */
export function useMachines(environment: Machines, signal: AbortSignal): void {
  for (const machine of all(environment))
    machine.during({ signal, log: (text) => tell({ type: 'log', text }) })
}

/** @throws what could not be put back; AggregateError of several */
export async function putMachinesBack(environment: Machines): Promise<void> {
  await together(all(environment).map((machine) => machine.putBack()))
}

function all({ hypervisors, vms }: Machines): Machine[] {
  return [...hypervisors.values(), ...vms.values()]
}
