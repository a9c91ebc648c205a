/** What one check says about one machine, and what would put it right. */
import type { Undo } from '../core/journal.ts'

export type Status = 'ok' | 'warning' | 'fault' | 'not applicable'

export interface Finding {
  /** `controller`, or the machine's name in the config. */
  readonly machine: string
  readonly check: string
  readonly status: Status
  /** One line. */
  readonly found: string
  /** What a person does about it, best a command. With `warning` and `fault`. */
  readonly advice?: string
  /** What `doctor --fix` does about it. */
  readonly repairs?: readonly Repair[]
  /** A fault of what was written down, not of a machine: it makes the exit code 2. */
  readonly inConfig?: boolean
}

/** A change of a hypervisor, with the way back. */
export interface Repair {
  /** For people: `net.ipv4.ip_forward 0 → 1`. */
  readonly what: string
  /** As root, one after the other. */
  readonly commands: readonly (readonly string[])[]
  readonly undo: Undo
}

/** A finding before it is known whose it is. */
export type Judgement = Omit<Finding, 'machine'>

export const ok = (check: string, found: string): Judgement => ({ check, status: 'ok', found })

export const notApplicable = (check: string, found: string): Judgement => ({
  check,
  status: 'not applicable',
  found,
})

export const warning = (
  check: string,
  found: string,
  advice: string,
  repairs: readonly Repair[] = [],
): Judgement => ({ check, status: 'warning', found, advice, ...(repairs.length > 0 && { repairs }) })

export const fault = (
  check: string,
  found: string,
  advice: string,
  repairs: readonly Repair[] = [],
): Judgement => ({ check, status: 'fault', found, advice, ...(repairs.length > 0 && { repairs }) })
