/** A plan: what a run would do, as `dpbench plan --format json` prints it. */
import type { MeasurementProfile } from '../config/index.ts'

export interface PlannedStep {
  /** As the config names it, or `controller`. */
  readonly machine: string
  readonly kind: 'phase' | 'command' | 'file' | 'docker' | 'connection'
  /** As a run's timeline tells it: a command as a shell takes it. */
  readonly name: string
  /** Where the name is no command: what is run. */
  readonly command?: string
  /** What a container is created with, as the Docker API takes it. */
  readonly body?: Readonly<Record<string, unknown>>
}

/** In the journal before the thing is made. */
export interface PlannedUndo {
  readonly what: string
  /** Where it is run; what is no command is said by `kind`. */
  readonly commands: readonly string[]
  readonly kind: string
}

export interface PlannedMeasurement {
  readonly name: string
  /** Of one repetition: how long traffic flows. */
  readonly trafficSeconds: number
  readonly gapSeconds: number
  /** Without anything to be held against, the fewest are enough. */
  repetitions: { readonly min: number; readonly max: number }
  /** An estimate: traffic and gaps alone. */
  seconds: { readonly min: number; readonly max: number }
  /** What it is held against, a sentence each. */
  readonly judged: string[]
}

export interface PlannedPart {
  readonly steps: PlannedStep[]
  readonly undo: PlannedUndo[]
  /** What takes it back when all goes well. */
  readonly takenBack: PlannedStep[]
}

export interface PlannedTest extends PlannedPart {
  readonly suite: string
  readonly name: string
  readonly measurements: PlannedMeasurement[]
  /** Why it would be skipped. */
  readonly skipped?: string | undefined
  /** Why it would fail whatever is measured, or why its end is not shown. */
  readonly ends?: string | undefined
}

export interface PlannedMode {
  readonly mode: string
  readonly environment: PlannedPart
  /** Why the environment could not be opened. */
  readonly refused?: string | undefined
  readonly tests: readonly PlannedTest[]
  readonly seconds: { readonly min: number; readonly max: number }
}

export interface Plan {
  readonly schema_version: 1
  readonly config: { readonly file: string; readonly name: string }
  readonly image?: string | undefined
  /** Of the measurement, as the config or `--profile` has it. */
  readonly profile: MeasurementProfile
  /** What is held against a threshold. */
  readonly rule: 'interval' | 'mean'
  /** What the controller does before the first mode. */
  readonly before: readonly PlannedStep[]
  readonly modes: readonly PlannedMode[]
  /** What is taken back when all modes are done. */
  readonly after: readonly PlannedStep[]
  /** What was assumed of the machines. */
  readonly assumed: readonly string[]
  /** What else is to be known: suites that are not shown, what stands in the way. */
  readonly notes: readonly string[]
  /** An estimate: windows and gaps alone. */
  readonly seconds: { readonly min: number; readonly max: number }
}
