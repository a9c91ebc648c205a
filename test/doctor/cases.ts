/** A change of the recorded facts, and what is to be found then. */
import type { Status } from '../../src/doctor/index.ts'
import type { HypervisorNeeds } from '../../src/doctor/needs.ts'
import type { Changes } from './recorded.ts'

export interface Case {
  readonly name: string
  readonly changes: Changes
  readonly needs?: Partial<HypervisorNeeds>
  readonly check: string
  readonly status?: Status
  readonly found: RegExp
  readonly advice?: RegExp
  /** What `--fix` would do. */
  readonly repair?: RegExp
}
