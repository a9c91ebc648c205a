/** A time in a stored document. */
import { z } from 'zod'

/** As `Date` writes it. What is none would end a report in the middle of it being made. */
export const instant = z
  .string()
  .refine((text) => !Number.isNaN(Date.parse(text)), 'is no time: 2026-11-21T02:00:00Z is one')
