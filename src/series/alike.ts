/** Whether runs may be counted together: on the same machines, with the same config, measured in the same way. */
import { DpbenchError } from '../core/errors.ts'
import { differencesOf, traitsOfRun } from '../report/likeness.ts'
import type { RunRecord } from '../report/record.ts'

/** @param where names the other run, for the message @throws DpbenchError with every difference */
export function requireAlike(first: RunRecord, other: RunRecord, where: string): void {
  const differences = differencesOf(traitsOfRun(first), traitsOfRun(other))
  if (differences.length === 0) return
  throw new DpbenchError(
    `${where} is unlike the first run, ${first.runId}, and cannot be counted with it; begin anew, or leave it out:\n` +
      differences.map((each) => `  ${each}`).join('\n'),
  )
}
