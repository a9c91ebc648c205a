/**
 * The run record: one JSON document (`run.json`) with everything that was asked, found, measured and judged in a run.
 * Every report is made from it alone, also years later, so its form carries a version.
 */
import { z } from 'zod'
import { ConfigError } from '../core/errors.ts'
import { parseJson } from '../core/json.ts'
import { logKinds } from '../core/kept-log.ts'
import { baselineCheckSchema } from './baseline-check.ts'
import { instant } from './instant.ts'
import { flightSchema } from './flight-schema.ts'
import { measuredMetrics } from './metric-schema.ts'
import { quarantineSchema } from './quarantine.ts'
import { sampleSchema } from './sample-schema.ts'
import { stepSchema } from './step-schema.ts'
import { profileSchema, ruleSchema, verdictSchema } from './verdict-schema.ts'

/** Raised when a record of the old form would be misread. Added optional fields do not raise it. */
export const schemaVersion = 1

const text = z.string()

const machine = z.object({
  name: text,
  role: z.enum(['controller', 'hypervisor', 'guest']),
  kernel: text.optional(),
  os: text.optional(),
  cpu: text.optional(),
  cores: z.number().optional(),
  memoryBytes: z.number().optional(),
  /** Version strings by tool: `{ "iperf3": "iperf 3.12" }`. */
  tools: z.record(text, text).optional(),
  /** By device, then by the name that `ethtool -k` gives: `{ "enp1s0": { "tcp-segmentation-offload": true } }`. */
  offloads: z.record(text, z.record(text, z.boolean())).optional(),
  /** Whatever else was found, by name. */
  details: z.record(text, text).optional(),
})
export type MachineRecord = z.infer<typeof machine>

const dataPlane = z.object({
  machine: text,
  mode: text.optional(),
  /** As it was asked for, e.g. `registry:5000/softplane:dev`. */
  image: text,
  /** `sha256:…` */
  digest: text.optional(),
  /** What the data plane says of itself. */
  version: text.optional(),
  arguments: z.array(text).optional(),
})
export type DataPlaneRecord = z.infer<typeof dataPlane>

const reboot = z.object({
  machine: text,
  mode: text,
  bootIdBefore: text,
  bootIdAfter: text,
  /** From the order to reboot until SSH answered from the new boot. */
  sshSeconds: z.number(),
  /** From asking the deployed data plane until the data NIC had its lease. */
  leaseSeconds: z.number().optional(),
})
export type RebootRecord = z.infer<typeof reboot>

const recordedError = z.object({
  /** `DPBENCH_…`, or the name of a foreign error. */
  code: text,
  message: text,
  exitCode: z.number(),
})
export type RecordedError = z.infer<typeof recordedError>

const testResult = z.discriminatedUnion('state', [
  /** Measured and judged. */
  z.object({ state: z.literal('judged'), verdict: verdictSchema }),
  /** Checked something without measuring. */
  z.object({ state: z.literal('passed') }),
  /** An assertion failed; with a verdict when something beside it did, as a baseline. */
  z.object({ state: z.literal('failed'), message: text, verdict: verdictSchema.optional() }),
  /** Ended by an error; with a verdict when it came after judging, as in undoing. */
  z.object({ state: z.literal('error'), error: recordedError, verdict: verdictSchema.optional() }),
  z.object({ state: z.literal('skipped'), reason: text }),
  /** Figures beside throughput that missed what the config expects of them, or have no valid value. */
  z.object({
    state: z.literal('assessed'),
    verdict: z.enum(['FAIL', 'UNSTABLE', 'INVALID']),
    sentences: z.array(text),
  }),
])
export type TestResult = z.infer<typeof testResult>

const testRecord = z.object({
  suite: text,
  name: text,
  mode: text.optional(),
  /** The threshold's key, e.g. `remote_vm2vm`. */
  scenario: text.optional(),
  /** Of throughput, what the verdict is about: `iperf3 ipv4 vm3 → vm1`. */
  measurement: text.optional(),
  startedAt: instant,
  durationMs: z.number(),
  result: testResult,
  /** What the config says of its being known to fail. */
  quarantine: quarantineSchema.optional(),
  /** What was held against a baseline. */
  baselines: z.array(baselineCheckSchema).optional(),
  /** Raw, in their order, also of a test that failed. */
  repetitions: z.array(sampleSchema).default([]),
  /** Figures beside throughput, by measurement. */
  metrics: z.array(measuredMetrics).default([]),
  /** Relative to the results folder. */
  folder: text.optional(),
  artifacts: z.array(text).default([]),
  /** The folder of its flight recording, relative to the results folder. */
  flight: text.optional(),
})
export type TestRecord = z.infer<typeof testRecord>

const log = z.object({
  /** Relative to the results folder. */
  file: text,
  machine: text,
  mode: text,
  kind: z.enum(logKinds),
  bytes: z.number(),
})
export type LogRecord = z.infer<typeof log>

const outcome = z.object({
  exitCode: z.number(),
  counts: z.object({
    passed: z.number(),
    failed: z.number(),
    unstable: z.number(),
    invalid: z.number(),
    errors: z.number(),
    skipped: z.number(),
    /** Failing, and excused; counted here alone. */
    quarantined: z.number().optional(),
  }),
})
export type Outcome = z.infer<typeof outcome>

export const recordSchema = z.object({
  schema_version: z.literal(schemaVersion),
  runId: text,
  tag: text.optional(),
  startedAt: instant,
  /** Absent while the run goes on, and in the record of one that was killed. */
  finishedAt: instant.optional(),
  /** How long it took, by a clock that nobody sets. Absent in records of before 2026-11-21, and of runs that were killed. */
  durationMs: z.number().optional(),
  dpbenchVersion: text,
  commandLine: z.array(text),
  options: z.record(text, z.unknown()),
  stage: text.optional(),
  modes: z.array(text),
  /** As it was loaded, without secrets; `sha256` is of `content` as canonical JSON. */
  config: z.object({
    file: text.optional(),
    name: text.optional(),
    sha256: text,
    content: z.unknown(),
  }),
  profile: profileSchema,
  rule: ruleSchema,
  machines: z.array(machine),
  dataPlanes: z.array(dataPlane),
  /** With `--reboot`, before each mode. */
  reboots: z.array(reboot).optional(),
  /** What every reader of a figure must know, e.g. that a stand-in took dpservice's place. */
  notices: z.array(text),
  tests: z.array(testRecord),
  /** Outside of tests: deployment, clean-up. */
  failures: z.array(recordedError.extend({ where: text })),
  /** What the data plane and the guests wrote during the run. */
  logs: z.array(log).default([]),
  /** Recordings of failures: what all machines told at that moment. */
  flights: z.array(flightSchema).optional(),
  /** The timeline: what was done on which machine. */
  steps: z.array(stepSchema).default([]),
  /** What clean-up could not remove. */
  leftovers: z.array(text),
  /** `SIGINT` or `SIGTERM`. */
  interruptedBy: z.enum(['SIGINT', 'SIGTERM']).optional(),
  outcome,
})
export type RunRecord = z.infer<typeof recordSchema>

/**
 * Reads a record. `source` names it in messages.
 * @throws ConfigError when it is not JSON, of another schema version, or broken; with every fault and its place.
 */
export function parseRecord(json: string, source: string): RunRecord {
  return parseVersioned(json, source, {
    what: 'a run record of dpbench',
    version: schemaVersion,
    schema: recordSchema,
  })
}

/**
 * Reads a record without what is large: flows, counters and steps are neither checked nor there. For what looks at the figures
 * of many runs.
 * @throws ConfigError as {@link parseRecord}
 */
export function parseOutline(json: string, source: string): RunRecord {
  const document = parseDocument(json, source)
  const outline = z.looseObject({ tests: z.array(outlinedTest) }).safeParse(document)
  return checkVersioned(outline.success ? { ...outline.data, steps: [] } : document, source, {
    what: 'a run record of dpbench',
    version: schemaVersion,
    schema: recordSchema,
  })
}

const outlinedTest = z.looseObject({
  repetitions: z
    .array(z.looseObject({}).transform((sample) => ({ ...sample, flows: [], counters: undefined })))
    .optional(),
})

/** Reads a document that says its schema version. `what` it must be is for messages. @throws ConfigError */
export function parseVersioned<T>(json: string, source: string, expected: VersionedDocument<T>): T {
  return checkVersioned(parseDocument(json, source), source, expected)
}

interface VersionedDocument<T> {
  readonly what: string
  readonly version: number
  readonly schema: z.ZodType<T>
}

function checkVersioned<T>(
  document: unknown,
  source: string,
  { what, version, schema }: VersionedDocument<T>,
): T {
  const versioned = z.object({ schema_version: z.number() }).safeParse(document)
  if (!versioned.success) throw new ConfigError(`${source} is not ${what}: it has no schema_version`)
  const found = versioned.data.schema_version
  if (found !== version) {
    const other = found > version ? 'a newer' : 'an older'
    throw new ConfigError(
      `${source} has schema version ${found}, and this dpbench reads ${version}: use ${other} dpbench for it`,
    )
  }
  const parsed = schema.safeParse(document)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`)
  const sound = what.replace(/^a /, 'a sound ').replace(' of dpbench', '')
  throw new ConfigError(`${source} is not ${sound}`, faults)
}

function parseDocument(json: string, source: string): unknown {
  try {
    return parseJson(json)
  } catch (error) {
    throw new ConfigError(`${source} is not JSON`, [], { cause: error })
  }
}

/** The record as it is written: readable, with rows of figures, and steps, on one line each. */
export function serialiseRecord(record: RunRecord): string {
  const steps = record.steps.map((step) => `\n    ${JSON.stringify(step)}`)
  // the record's own key alone has two spaces before it
  return serialiseJson({ ...record, steps: [] }).replace(
    /^ {2}"steps": \[\]/m,
    () => `  "steps": [${steps.join(',')}${steps.length > 0 ? '\n  ' : ''}]`,
  )
}

/** Indented, with rows of figures on one line each. */
export function serialiseJson(document: object): string {
  const indented = JSON.stringify(document, null, 2)
  // A string holds no line break in JSON, so this touches nothing but arrays of numbers.
  return `${indented.replaceAll(/\[\n\s+(-?[\d.e+-]+(?:,\n\s+-?[\d.e+-]+)*)\n\s+\]/g, (_, list: string) => `[${list.replaceAll(/,\n\s+/g, ', ')}]`)}\n`
}
