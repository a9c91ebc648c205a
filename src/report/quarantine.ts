/** Quarantine: a test that is known to fail does not fail the run, until a day; it is shown as what it is. */
import { z } from 'zod'
import { type TestState, stateOf } from './test-state.ts'
import type { TestRecord } from './record.ts'

export const quarantineSchema = z.object({
  /** The address of the issue. */
  issue: z.string(),
  /** The last day of it, YYYY-MM-DD, UTC. */
  until: z.string(),
  reason: z.string().optional(),
  /** Whether that day had passed when the run began. */
  expired: z.boolean(),
})
export type Quarantine = z.infer<typeof quarantineSchema>

/** An entry of the config. */
export interface QuarantineEntry {
  readonly test?: string
  readonly scenario?: string
  readonly mode?: string
  readonly issue: string
  readonly until: string
  readonly reason?: string
}

/**
 * The entry that a test is in, one that still holds before one that has ended.
 * @param startedAt of the run, ISO 8601
 */
export function quarantineOf(
  entries: readonly QuarantineEntry[],
  test: Pick<TestRecord, 'name' | 'mode' | 'scenario'>,
  startedAt: string,
): Quarantine | undefined {
  const own = entries.filter(
    (entry) =>
      (entry.test === undefined ? entry.scenario === test.scenario : entry.test === test.name) &&
      (entry.mode === undefined || entry.mode === test.mode),
  )
  const latest = own.toSorted((a, b) => (a.until < b.until ? 1 : -1))[0]
  if (!latest) return undefined
  const { issue, until, reason } = latest
  return { issue, until, ...(reason !== undefined && { reason }), expired: startedAt.slice(0, 10) > until }
}

type Tested = Pick<TestRecord, 'result' | 'quarantine'>

/** Whether the test failed and the run does not. An error says nothing of the scenario, unless it is that nothing was measured. */
export function isExcused({ result, quarantine }: Tested): boolean {
  if (!quarantine || quarantine.expired) return false
  if (result.state === 'error') return result.error.code === 'DPBENCH_MEASUREMENT'
  return isFailing(stateOf(result))
}

/** In a sentence, what its quarantine means for the test; `undefined` where there is nothing to say. */
export function quarantineSentence(test: Tested): string | undefined {
  const { quarantine } = test
  if (!quarantine) return undefined
  const state = stateOf(test.result)
  if (state === 'SKIPPED') return undefined
  const { issue, until, reason, expired } = quarantine
  const why = `${issue}${reason === undefined ? '' : ` (${reason})`}`
  if (isExcused(test)) return `quarantined until ${until}: ${why}`
  if (!isFailing(state))
    return `passes, and can leave quarantine (until ${until}): remove its entry from the config; ${why}`
  return expired
    ? `its quarantine ended on ${until}: ${why}`
    : `in quarantine, which does not excuse this: ${why}`
}

function isFailing(state: TestState): boolean {
  return state !== 'PASS' && state !== 'SKIPPED'
}
