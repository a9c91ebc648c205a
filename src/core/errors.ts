/**
 * The errors of dpbench. Each carries a stable `code`, the exit code that a run ends with because of it, and a
 * message that says what to do next. `cause` keeps what lies beneath; a user never sees a stack trace.
 */

/** Exit codes of every dpbench command. */
export const ExitCode = {
  passed: 0,
  thresholdMissed: 1,
  usage: 2,
  infrastructure: 3,
  unstable: 4,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** The root of all errors that dpbench throws on purpose. */
export class DpbenchError extends Error {
  readonly code: string = 'DPBENCH_ERROR'
  readonly exitCode: ExitCode = ExitCode.infrastructure

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** The command line is wrong: an unknown option, a missing or contradictory value. */
export class UsageError extends DpbenchError {
  override readonly code = 'DPBENCH_USAGE'
  override readonly exitCode = ExitCode.usage
}

/** A file that a person edits is wrong. `faults` has one sentence per fault, with its place in the file. */
export class ConfigError extends DpbenchError {
  override readonly code = 'DPBENCH_CONFIG'
  override readonly exitCode = ExitCode.usage
  readonly faults: readonly string[]

  constructor(message: string, faults: readonly string[] = [], options?: ErrorOptions) {
    super([message, ...faults.map((fault) => `  ✖ ${fault}`)].join('\n'), options)
    this.faults = faults
  }
}

/** A host could not be reached, or its identity is not the pinned one. */
export class ConnectionError extends DpbenchError {
  override readonly code: string = 'DPBENCH_CONNECTION'
}

/** The host key that a host presented is not the pinned one. Never retried. */
export class HostKeyError extends ConnectionError {
  override readonly code = 'DPBENCH_HOST_KEY'
}

/** The login user of a host may not do what is needed there. `said` is what the host said to it. */
export class PrivilegeError extends DpbenchError {
  override readonly code = 'DPBENCH_PRIVILEGE'
  readonly said: string

  constructor(message: string, said: string, options?: ErrorOptions) {
    super(message, options)
    this.said = said
  }
}

/** A state was not reached before its deadline, or cannot be reached any more. */
export class WaitError extends DpbenchError {
  override readonly code = 'DPBENCH_WAIT'
}

/** Virtual machines could not be provisioned or removed. */
export class ProvisionError extends DpbenchError {
  override readonly code = 'DPBENCH_PROVISION'
}

/** The data plane could not be deployed, configured or undone. */
export class DeployError extends DpbenchError {
  override readonly code = 'DPBENCH_DEPLOY'
}

/** A guest run could not be made, started, or read to its end. */
export class GuestRunError extends DpbenchError {
  override readonly code = 'DPBENCH_GUEST_RUN'
}

/** A machine did not do what a test asked of it: a command failed, a unit is in the wrong state. */
export class MachineError extends DpbenchError {
  override readonly code = 'DPBENCH_MACHINE'
}

/** An invariant that a test polls does not hold any more. */
export class ConditionError extends DpbenchError {
  override readonly code = 'DPBENCH_CONDITION'
  override readonly exitCode = ExitCode.thresholdMissed
}

/** Nothing usable was measured. Never to be read as missed throughput. */
export class MeasurementError extends DpbenchError {
  override readonly code = 'DPBENCH_MEASUREMENT'
}

/** The measured throughput lies below what was expected. */
export class ThresholdError extends DpbenchError {
  override readonly code = 'DPBENCH_THRESHOLD'
  override readonly exitCode = ExitCode.thresholdMissed
}

/** The text of any thrown value, without a stack trace, with the chain of its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let current = error; current !== undefined && current !== null && parts.length < 6;) {
    const text = schemaFaultsOf(current) ?? textOf(current)
    if (text && !parts.some((part) => part.includes(text))) parts.push(text)
    if (isSuppressed(current)) {
      parts.push(describeError(current.suppressed), `and then: ${describeError(current.error)}`)
    }
    if (current instanceof AggregateError)
      parts.push(...new Set(current.errors.map((inner) => describeError(inner))))
    current = isErrorLike(current) ? current.cause : undefined
  }
  return parts.join('\n  because: ')
}

/** Vitest puts plain objects in the place of the causes of an error that a test threw, and somebody may hold that error still. */
function isErrorLike(value: unknown): value is { readonly message: string; readonly cause?: unknown } {
  return (
    typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
  )
}

function textOf(value: unknown): string {
  if (isErrorLike(value)) return value.message
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value) // without a prototype, or with a toString that fails
  }
}

const mostSchemaFaults = 3

/** A schema's error has a whole JSON document as its message: a few of its faults in words. Zod's, by its shape. */
function schemaFaultsOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('issues' in error) || !Array.isArray(error.issues)) return undefined
  const issues = error.issues as readonly {
    readonly path?: readonly PropertyKey[]
    readonly message?: string
  }[]
  const told = issues
    .slice(0, mostSchemaFaults)
    .map(({ path = [], message = '' }) => [path.map(String).join('.'), message].filter(Boolean).join(': '))
  const more = issues.length - told.length
  return `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** What `using` throws when its block failed and the disposal after it too. By name: Node 22 has no such class. */
function isSuppressed(error: unknown): error is Pick<SuppressedError, 'error' | 'suppressed'> {
  return error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error
}
