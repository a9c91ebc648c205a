/** The `expected` key of a config: what figures beside throughput must reach or must not exceed, by names of suites. */
import { z } from 'zod'
import * as field from './fields.ts'

/** By unit as it is written: the base unit and how many of it one is. */
export const expectationUnits = {
  'Gbit/s': ['bit/s', 1e9],
  'Mbit/s': ['bit/s', 1e6],
  s: ['s', 1],
  ms: ['s', 1e-3],
  us: ['s', 1e-6],
  percent: ['fraction', 0.01],
  'packets/s': ['packets/s', 1],
  'transactions/s': ['transactions/s', 1],
  packets: ['packets', 1],
} as const
export type ExpectationUnit = keyof typeof expectationUnits

const unitNames = Object.keys(expectationUnits) as [ExpectationUnit, ...ExpectationUnit[]]
const figure = () => field.number('a figure', 0, Number.MAX_SAFE_INTEGER, { fraction: true })

const expectation = field
  .object(
    {
      at_least: figure().optional().describe('The figure must reach this; this or at_most.'),
      at_most: figure().optional().describe('The figure must not exceed this; this or at_least.'),
      unit: field.oneOf(unitNames).describe('Of the figure.'),
    },
    '{ "at_most": 0.5, "unit": "percent" }',
  )
  .refine(({ at_least, at_most }) => (at_least === undefined) !== (at_most === undefined), {
    error: 'needs one of "at_least" and "at_most"; write { "at_most": 0.5, "unit": "percent" }',
  })

const ofMode = () =>
  z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]*$/), expectation, {
    error: (issue) =>
      issue.code === 'invalid_key'
        ? 'is not a name; write letters, digits, _, . and -, as in "udp_loss"'
        : `${field.shown(issue.input)} is not an object; write { "udp_loss": { "at_most": 0.5, "unit": "percent" } }`,
  })

export const expectedFile = field.object(
  {
    sw: ofMode().optional().describe('Mode non-offload.'),
    hw: ofMode().optional().describe('Mode offload.'),
    plain: ofMode().optional().describe('With "dataplane": "none", which has no modes.'),
  },
  '{ "sw": { … }, "hw": { … } }',
)
export type ExpectedFile = z.infer<typeof expectedFile>
