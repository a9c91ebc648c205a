/** What is kept of a guest run: `guest-run.json`, and a folder per subtest. */
import type { Declaration } from './declaration.ts'
import type { Subtest } from './subtests.ts'
import type { GuestVerdict } from './verdict.ts'

export const guestRunSchema = 'dpbench.guest-run/1'

export interface SubtestRecord extends Omit<Subtest, 'log'> {
  /** The folder below the run's, with `status`, `duration` and `log`. */
  readonly folder: string
}

export interface GuestRunRecord {
  readonly schema: typeof guestRunSchema
  readonly script: string
  readonly launcher: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly durationMs: number
  readonly verdict: GuestVerdict
  readonly exitStatus?: number | undefined
  readonly declaration: Declaration
  readonly subtests: readonly SubtestRecord[]
  /** Paths below `uploads/`. */
  readonly uploads: readonly string[]
  /** What was refused or cut, and what the kernel complained of. */
  readonly notes: readonly string[]
}
