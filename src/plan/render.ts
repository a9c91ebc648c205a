/** A plan as text, for people and for a shell: commands stand on their lines as a shell takes them. */
import type { Plan, PlannedMode, PlannedPart, PlannedStep, PlannedTest } from './plan-schema.ts'
