/** The `measurement` key of a config: a profile by name, or one with some of its numbers changed. */
import { z } from 'zod'
import * as field from './fields.ts'

const measurementNumbers = field.object(
  {
    profile: field
      .oneOf(['quick', 'default', 'release'])
      .optional()
      .describe('The profile whose numbers hold where none is given here.')
      .meta({ default: 'default' }),
    kept_seconds: field
      .number('a number of seconds', 1, 3600)
      .optional()
      .describe('Length of the window that counts.'),
    warm_up_seconds: field.number('a number of seconds', 0, 600).optional().describe('Before the window.'),
    warm_down_seconds: field.number('a number of seconds', 0, 600).optional().describe('After the window.'),
    repetitions: field
      .object(
        {
          min: field
            .number('a number of repetitions', 2, 1000)
            .optional()
            .describe('At least so many; an interval of confidence needs 2.'),
          max: field.number('a number of repetitions', 2, 1000).optional().describe('At most so many.'),
        },
        '{ "min": 6, "max": 10 }',
      )
      .optional()
      .describe('How often each scenario is measured.'),
    gap_seconds: field
      .number('a number of seconds', 0, 3600, { fraction: true })
      .optional()
      .describe('From the end of flows to the next repetition.'),
    max_cov: field
      .number('a coefficient of variation (0.05 is 5 %)', 0.001, 1, { fraction: true })
      .optional()
      .describe('Spread above which a result is UNSTABLE, as a fraction.'),
    on_unproven_mode: field
      .oneOf(['note', 'invalid'])
      .optional()
      .describe('What becomes of a verdict when the data plane cannot prove its mode: a note, or INVALID.')
      .meta({ default: 'note' }),
  },
  '"quick", "default", "release", or { "profile": "quick", "kept_seconds": 10 }',
)
export const measurementFile = z
  .union([z.enum(['quick', 'default', 'release']), measurementNumbers])
  .describe('A measurement profile, or one with some of its numbers changed.')
  .meta({ default: 'default' })
export type MeasurementFile = z.infer<typeof measurementFile>
