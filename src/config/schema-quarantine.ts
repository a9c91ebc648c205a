/** The `quarantine` key of a config: what is known to fail, until when, and where that is tracked. */
import * as field from './fields.ts'

const entry = field
  .object(
    {
      test: field
        .word('the name of a test', '"NAT, 1 flow"')
        .optional()
        .describe('The name of the test; this or scenario.'),
      scenario: field
        .oneOf(['local_vm2vm', 'remote_vm2vm', 'nat', 'lb'])
        .optional()
        .describe('Every test that is held against this threshold; this or test.'),
      mode: field
        .oneOf(['offload', 'non-offload'])
        .optional()
        .describe('The mode in which it fails; both, if not given.'),
      issue: field
        .text('the address of an issue', '"https://github.com/ironcore-dev/dpservice/issues/1"', isWebAddress)
        .describe('Where it is tracked.'),
      until: field
        .text('a date', '"2026-12-31"', isDate)
        .describe('The last day of it, YYYY-MM-DD (UTC); after it the test fails again.'),
      reason: field.word('a reason', '"offloaded NAT loses packets"').optional().describe('For the reports.'),
    },
    '{ "test": "NAT, 1 flow", "issue": "https://…", "until": "2026-12-31" }',
  )
  .refine(({ test, scenario }) => (test === undefined) !== (scenario === undefined), {
    error: 'needs one of test and scenario; write { "test": "NAT, 1 flow", "issue": …, "until": … }',
  })

export const quarantineFile = field.listOf(entry, '{ "test", "issue", "until" }')

function isWebAddress(value: string): boolean {
  return /^https?:\/\/\S+$/.test(value) && URL.canParse(value)
}

/** A day that the calendar has: 2026-02-30 would become March. */
function isDate(value: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) return false
  const date = new Date(`${value}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value)
}
