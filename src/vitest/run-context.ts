/** What the main process gives to the workers, and what they give back: data alone, through Vitest's own channels. */
import type { BenchConfig, RunMode } from '../config/index.ts'
import type { MachineDescription } from '../environment/describe.ts'
import type { DataplaneProvenance } from '../dataplane/dataplane.ts'
import type { GuestReboot } from '../environment/reboots.ts'
import type { BuiltImage } from '../transport/docker/build.ts'
import type { BaselineCheck } from '../report/baseline-check.ts'
import type { Preflight } from '../traffic/preflight.ts'
import type { Metric } from '../verdict/metric.ts'
import type { Sample } from '../verdict/sample.ts'
import type { Verdict, VerdictRule } from '../verdict/verdict.ts'
import type { BaselineContext } from './regression.ts'

export interface RunContext {
  readonly baselines?: BaselineContext | undefined
  readonly runId: string
  readonly mode: RunMode
  /** How many test files this run has in this mode. */
  readonly files: number
  readonly config: BenchConfig
  /** None where no data plane is deployed. */
  readonly image?: string | undefined
  /** The image as it was built for this run; without it `image` is pulled. */
  readonly built?: BuiltImage | undefined
  readonly reboot: boolean
  /** `<project>/.dpbench/<environment>` */
  readonly stateFolder: string
  readonly resultsFolder: string
  readonly verdictRule: VerdictRule
  readonly verbose: boolean
  /** Whether somebody looks on: phases and throughput are told as they come. */
  readonly live: boolean
  /** Whether a test whose needs the config does not meet fails, instead of being skipped. */
  readonly strict: boolean
  /** Whether a failing test's deployment, routes and guests stay as they are. */
  readonly keepOnFailure: boolean
  /** Whether a failing test stops at a prompt before anything of it is taken back. */
  readonly breakOnFailure: boolean
  /** Whether somebody sits at a terminal. */
  readonly interactive: boolean
  /** How the machines are reached by hand, a line each. */
  readonly wayIn: readonly string[]
  /** Whether the fewest repetitions are measured, and nothing is held against an expectation. */
  readonly measureOnly: boolean
  /** How long to wait for hypervisors that somebody else uses, in seconds. */
  readonly waitForLease: number
}

/** One measurement of a test, as it goes into the run record. */
export interface MeasurementReport {
  /** `iperf3 ipv4 vm3 → vm1` */
  readonly name: string
  readonly samples: readonly Sample[]
  readonly preflight?: Preflight | undefined
  readonly verdict?: Verdict | undefined
  /** What was held against a baseline. */
  readonly baselines?: readonly BaselineCheck[] | undefined
  /** Which threshold it is for, where there is no verdict that says so. */
  readonly scenario?: string | undefined
  /** Figures beside throughput. */
  readonly metrics?: readonly Metric[] | undefined
  /** What the reader of the metrics should know. */
  readonly notes?: readonly string[] | undefined
  /** Why nothing was measured, where metrics were to be. */
  readonly invalid?: string | undefined
  /** Relative to the results folder. */
  readonly artifacts: readonly string[]
}

export interface DpbenchTaskMeta {
  readonly mode: RunMode
  readonly measurements: MeasurementReport[]
  /** Of the raw outputs, relative to the results folder. */
  folder?: string
  /** Set when the test failed and what it ran on stays. */
  kept?: boolean
  /** What the test ran on; the same for all tests of a mode. */
  readonly machines?: readonly MachineDescription[]
  readonly dataplane?: readonly DataplaneProvenance[]
  readonly reboots?: readonly GuestReboot[]
}

declare module 'vitest' {
  interface ProvidedContext {
    dpbench: RunContext
  }
  interface TaskMeta {
    dpbench?: DpbenchTaskMeta
    /** The folder of its flight recording, relative to the results folder. */
    dpbenchFlight?: string
  }
}
