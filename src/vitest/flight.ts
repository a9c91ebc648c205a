/** The flight recorder of a worker: what it gathers goes into the results folder, and what it cannot do is a line of the run's output. */
import { describeError } from '../core/errors.ts'
import { type FlightTest, flightLimits } from '../core/flight.ts'
import { type Observe, asPhase } from '../core/steps.ts'
import { type ReachedMachines, gatherFlight } from '../environment/flight/gather.ts'
import { mostFlights, writeFlight } from '../report/flight.ts'
import { secretsIn } from '../report/secrets.ts'
import type { RunContext } from './run-context.ts'

export interface Failure {
  readonly occasion: string
  /** What was thrown, or said. */
  readonly error: unknown
  readonly test?: FlightTest | undefined
  /** Somebody waits for the run's end. */
  readonly interrupted?: boolean
  /** The test's raw outputs, relative to the results folder. */
  readonly artifacts?: readonly string[]
}

export interface FlightRecorderOptions {
  readonly run: Pick<RunContext, 'config' | 'mode' | 'runId' | 'resultsFolder'>
  readonly observe: Observe
  readonly log: (line: string) => void
}

/**
 * Records a failure of which the machines are as it left them. Resolves with its folder, relative to the results folder, or with
 * `undefined`; throws nothing, so that a failure stays the one that it is.
 */
export async function recordFlight(
  { run, observe, log }: FlightRecorderOptions,
  machines: ReachedMachines,
  { occasion, error, test, interrupted = false, artifacts = [] }: Failure,
): Promise<string | undefined> {
  const { config, mode, runId, resultsFolder } = run
  const limitMs = interrupted ? flightLimits.interrupted : flightLimits.failed
  const startedAt = new Date().toISOString()
  const started = performance.now()
  try {
    const { hypervisors, vms, leased } = machines
    const pieces = await asPhase(observe, 'flight recorder', () =>
      gatherFlight({ config, runId, limitMs, hypervisors, vms, leased }),
    )
    const durationMs = performance.now() - started
    const reason = describeError(error)
    const flight = { occasion, test, mode, reason, startedAt, durationMs, limitMs, pieces }
    const folder = await writeFlight(resultsFolder, flight, { secrets: secretsIn(config), artifacts })
    if (folder === undefined)
      log(`flight recorder: ${mostFlights} failures of this run are recorded already, this one is not`)
    return folder
  } catch (failed) {
    log(`flight recorder: nothing could be kept: ${describeError(failed)}`)
    return undefined
  }
}
