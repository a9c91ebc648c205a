/** Gathers a run into its record, in the main process. What workers measured comes in as data. */
import { createHash } from 'node:crypto'
import { describeError, DpbenchError, ExitCode } from '../core/errors.ts'
import { rememberSecret } from '../core/known-secrets.ts'
import type { FlightRecord } from './flight-schema.ts'
import type { MeasuredMetrics } from './metric-schema.ts'
import { outcomeOf } from './outcome.ts'
import {
  recordSchema,
  schemaVersion,
  type DataPlaneRecord,
  type LogRecord,
  type MachineRecord,
  type RebootRecord,
  type RecordedError,
  type RunRecord,
  type TestRecord,
} from './record.ts'
import type { StepRecord } from './step-schema.ts'
import { recordWithoutSecrets, secretsIn, withoutSecrets } from './secrets.ts'

/** What is known when a run begins. Secrets in `options` and `config` are replaced. */
export interface RunStart extends Pick<
  RunRecord,
  | 'runId'
  | 'tag'
  | 'startedAt'
  | 'dpbenchVersion'
  | 'commandLine'
  | 'options'
  | 'stage'
  | 'modes'
  | 'profile'
  | 'rule'
> {
  readonly config: {
    readonly file?: string | undefined
    readonly name?: string | undefined
    readonly content: unknown
  }
}

/** A test as it is handed in: what has a default may be left out. */
export type TestEntry = Omit<TestRecord, 'repetitions' | 'artifacts' | 'metrics'> & {
  readonly repetitions?: readonly TestRecord['repetitions'][number][]
  readonly metrics?: readonly MeasuredMetrics[]
  readonly artifacts?: readonly string[]
}

export class RunRecorder {
  readonly #begunMs = performance.now()
  readonly #record: Omit<RunRecord, 'outcome' | 'finishedAt'>
  readonly #secrets: readonly string[]

  constructor({ config, options, ...start }: RunStart) {
    const content = withoutSecrets(config.content)
    this.#secrets = secretsIn(config.content)
    this.#secrets.forEach(rememberSecret) // raw outputs are written elsewhere in this process
    this.#record = {
      schema_version: schemaVersion,
      ...start,
      options: Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, withoutSecrets(value, name)]),
      ),
      config: { file: config.file, name: config.name, sha256: sha256Of(content), content },
      machines: [],
      dataPlanes: [],
      notices: [],
      tests: [],
      failures: [],
      logs: [],
      steps: [],
      leftovers: [],
    }
  }

  /** What was found about a machine; a later description of the same machine adds to it. */
  machine(found: MachineRecord): void {
    const { machines } = this.#record
    const index = machines.findIndex(({ name }) => name === found.name)
    if (index < 0) machines.push(found)
    else machines[index] = { ...machines[index], ...found }
  }

  dataPlane(deployed: DataPlaneRecord): void {
    this.#record.dataPlanes.push(deployed)
  }

  reboot(done: RebootRecord): void {
    const { reboots = [] } = this.#record
    this.#record.reboots = [...reboots, done]
  }

  /** Said once, however often it is given. */
  notice(text: string): void {
    if (!this.#record.notices.includes(text)) this.#record.notices.push(text)
  }

  test(entry: TestEntry): void {
    this.#record.tests.push({
      ...entry,
      repetitions: [...(entry.repetitions ?? [])],
      metrics: [...(entry.metrics ?? [])],
      artifacts: [...(entry.artifacts ?? [])],
    })
  }

  /** An error outside of a test. `where`: `deploying to hypervisor-2`, `clean-up`. */
  failure(where: string, error: unknown): void {
    this.#record.failures.push({ where, ...recordError(error) })
  }

  /** All that were kept, in the place of those that were given before. */
  logs(logs: readonly LogRecord[]): void {
    this.#record.logs.splice(0, this.#record.logs.length, ...logs)
  }

  flights(flights: readonly FlightRecord[]): void {
    if (flights.length > 0) this.#record.flights = [...flights]
  }

  step(...done: readonly StepRecord[]): void {
    this.#record.steps.push(...done)
  }

  leftover(...what: readonly string[]): void {
    this.#record.leftovers.push(...what)
  }

  interrupted(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#record.interruptedBy = signal
  }

  /** The record so far, to be written after each test, so that a killed run leaves what it had. */
  snapshot(): RunRecord {
    const { steps, ...rest } = this.#record // steps are clean since they were written down, and many
    const clean = recordWithoutSecrets(rest, this.#secrets)
    return recordSchema.parse({ ...clean, steps, outcome: outcomeOf(this.#record) })
  }

  /** @param finishedAt when it was, if not now */
  finish(finishedAt?: Date): RunRecord {
    if (finishedAt) return { ...this.snapshot(), finishedAt: finishedAt.toISOString() }
    const durationMs = Math.round(performance.now() - this.#begunMs)
    return { ...this.snapshot(), finishedAt: new Date().toISOString(), durationMs }
  }
}

/** Any thrown value as a record keeps it: its code, its whole message, the exit code it stands for. */
export function recordError(error: unknown): RecordedError {
  const message = describeError(error)
  if (error instanceof DpbenchError) return { code: error.code, message, exitCode: error.exitCode }
  return { code: error instanceof Error ? error.name : 'Error', message, exitCode: ExitCode.infrastructure }
}

function sha256Of(content: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(content)) ?? 'null')
    .digest('hex')
}

/** Keys in order, so that the same config has the same hash however it was written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, entry]) => [key, sorted(entry)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
