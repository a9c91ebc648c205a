/** Measures figures beside throughput: repetitions until what is expected of them is decided, or the fewest are done. */
import { ConfigError, MeasurementError, describeError } from '../core/errors.ts'
import { asPhase } from '../core/steps.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { runSeconds } from '../traffic/iperf3/window.ts'
import type { Preflight } from '../traffic/preflight.ts'
import { formatFigure } from '../verdict/figure-format.ts'
import {
  type Metric,
  type MetricExpectation,
  type MetricPlan,
  type MetricUnit,
  type MetricVerdict,
  judgeMetric,
  metricOf,
} from '../verdict/metric.ts'
import type { Restart, Sample, SampleProvenance } from '../verdict/sample.ts'
import { describeMode, invalidReasons } from '../verdict/validity.ts'
import { MeasurementCounting, type RepetitionCounting, machinesOf } from './counting.ts'
import { modeOf } from './judging.ts'
import { explainLoss } from './lost-guest.ts'
import { measuring, withRates } from './live/rates.ts'
import type { RunContext } from './run-context.ts'
import { refuseKernelTrouble } from './watching.ts'
import { together } from '../core/together.ts'
import { type Changes, type Identities, changes, configuredAddresses, identities } from './identities.ts'
import { Rest } from './rest.ts'
import { type MeasureContext, checkPath, repetitionName } from './throughput.ts'
import type { Family } from '../machine/virtual-machine.ts'

/** A figure of a measurement, to be held against an expectation of the config. */
export interface MeasuredMetric extends Metric {
  /**
   * Against the config's expectation of this name in the run's mode; `undefined` where it has none, so that the figure is
   * reported and not judged.
   * @throws ConfigError when the expectation is of another kind or the other direction
   */
  judge(key: string, bound: MetricExpectation['bound']): MetricVerdict | undefined
}

/** A finished measurement: its figures by name. */
export interface Measured<Name extends string> {
  readonly name: string
  readonly metrics: Readonly<Record<Name, MeasuredMetric>>
  readonly samples: readonly Sample[]
}

export interface MeasuredPath {
  readonly from: VirtualMachine
  readonly to: VirtualMachine
  readonly family: Family
  /** Where clients connect to. Default: the receiver's own address. */
  readonly address?: string | undefined
}

/** By figure, the config's expectation that decides when enough was repeated. */
export type ExpectedKeys<Name extends string> = { readonly [Key in Name]?: string }

export interface MetricMeasurement<Name extends string> {
  readonly name: string
  readonly path: MeasuredPath
  readonly units: Readonly<Record<Name, MetricUnit>>
  readonly expected?: ExpectedKeys<Name> | undefined
  /** Whether it restarts machines and takes links away itself, to see what comes of it. */
  readonly disturbs?: boolean
  /** One repetition. `store` keeps a raw output. */
  readonly repeat: (repetition: RepetitionContext) => Promise<RepetitionResult<Name>>
}

export interface RepetitionContext {
  readonly number: number
  readonly checked: Preflight
  readonly address: string
  /** Aborted when the test is, or the data plane goes away. */
  readonly signal: AbortSignal
  readonly store: (name: string, content: string) => Promise<void>
}

export interface RepetitionResult<Name extends string> {
  readonly values: Readonly<Record<Name, number>>
  /** The flows beneath it, where there are any: their validity is the repetition's. */
  readonly samples: readonly Sample[]
  /** One sentence each: why nothing was measured, beside what the samples say. */
  readonly faults?: readonly string[] | undefined
  /** One sentence each, kept beside the figures. */
  readonly notes?: readonly string[] | undefined
}

/** @throws MeasurementError when what was measured is invalid, with the reason; ConnectionError */
export async function measureMetrics<Name extends string>(
  context: MeasureContext,
  { name, path, units, expected = {}, disturbs = false, repeat }: MetricMeasurement<Name>,
): Promise<Measured<Name>> {
  const { run, environment, observe } = context
  const ends = [path.from, path.to]
  measuring(context, ends)
  const plan = planOf(run)
  const expectations = Object.entries<string | undefined>(expected).flatMap(([figure, key]) => {
    const expectation = key === undefined ? undefined : expectationOf(run, key, units[figure as Name])
    return expectation ? [{ figure: figure as Name, expectation }] : []
  })
  const samples: Sample[] = []
  const artifacts: string[] = []
  const told: string[] = []
  const counting = new MeasurementCounting(machinesOf(path.from, [path.to]), runSeconds(plan.profile))
  const values = Object.fromEntries(Object.keys(units).map((each) => [each, []])) as unknown as Record<
    Name,
    number[]
  >
  const judged = new Map<Name, MetricVerdict>()
  let checked: Preflight | undefined
  let metrics: Metric[] = []
  const report = (invalid?: string): void =>
    context.record({
      name,
      samples: [...samples],
      preflight: checked,
      artifacts: [...artifacts],
      metrics: metrics.map((metric) => ({ ...metric, verdict: judged.get(metric.name as Name) })),
      notes: [...notesOn(samples, modeOf(run)), ...told],
      ...(invalid !== undefined && { invalid }),
    })
  const refuse = (reasons: readonly string[]): never => {
    const text = `${name}: no valid figure: ${reasons.join('\n')}`
    report(text)
    throw new MeasurementError(text)
  }
  checked = await asPhase(observe, `pre-flight: ${name}`, () => checkPath(environment, path, context.signal))
  const rest = new Rest(plan.profile.gapSeconds)
  for (let number = 1; ; number++) {
    if (number > 1) await rest.nearlyOver(context.signal)
    const store = async (file: string, content: string): Promise<void> =>
      void artifacts.push(await context.store(`repetition-${number}-${file}`, content))
    const address = path.address ?? path.to.overlayAddress(path.family)
    const result = await asPhase(observe, repetitionName(number, plan.profile, name), () =>
      withRates(context, ends, () =>
        guarded(context, path, { counting, rest }, async (signal) => {
          const repeated = await repeat({ number, checked, address, signal, store })
          rest.begin()
          return repeated
        }),
      ),
    )
    await refuseKernelTrouble(context.environment)
    if ('lost' in result) return refuse([`repetition ${number}: ${result.lost}`])
    // what is counted over several runs of a tool tells nothing of one of them
    const counted = result.samples.length === 1 ? result.counted : {}
    const { restarts, disturbances } = disturbs ? unchanged : result
    const watched = result.samples.map((sample) => ({ ...sample, restarts, disturbances, ...counted }))
    samples.push(...watched)
    const seen = [
      ...restarts.map(describeRestart),
      ...disturbances.map(({ machine, detail }) => `${machine}: ${detail}`),
    ]
    const faults = [...(watched.length > 0 ? [] : seen), ...(result.faults ?? [])].map(
      (fault) => `repetition ${number}: ${fault}`,
    )
    const reasons = watched.flatMap((sample) => invalidReasons(sample, plan)).map(({ message }) => message)
    if (reasons.length + faults.length > 0) refuse([...reasons, ...faults])
    told.push(...(result.notes ?? []).map((note) => `repetition ${number}: ${note}`))
    for (const figure of Object.keys(units) as Name[]) values[figure].push(result.values[figure])
    metrics = (Object.keys(units) as Name[]).map((figure) => metricOf(figure, units[figure], values[figure]))
    report()
    context.progress(`repetition ${number}: ${metrics.map(lastValue).join(', ')}`)
    const decided = expectations.every(({ figure, expectation }) => {
      const metric = metrics.find((each) => each.name === figure)!
      return judgeMetric(metric, expectation, plan).state !== 'UNSTABLE'
    })
    if (number >= plan.profile.repetitions.max) break
    if (number >= plan.profile.repetitions.min && decided) break
  }
  const withJudge = metrics.map((metric): MeasuredMetric => ({
    ...metric,
    judge(key, bound) {
      const expectation = expectationOf(run, key, metric.unit)
      if (!expectation) return undefined
      if (expectation.bound !== bound) throw otherBound(run, expectation, bound)
      const verdict = judgeMetric({ ...metric, name: `${name}, ${metric.name}` }, expectation, plan)
      judged.set(metric.name as Name, verdict)
      report()
      return verdict
    },
  }))
  const byName = Object.fromEntries(withJudge.map((metric) => [metric.name, metric]))
  return { name, samples, metrics: byName as unknown as Record<Name, MeasuredMetric> }
}

function planOf(run: RunContext): MetricPlan & { profile: RunContext['config']['measurement'] } {
  return { profile: run.config.measurement, mode: modeOf(run), rule: run.verdictRule }
}

function expectationOf(
  { config, mode, measureOnly }: RunContext,
  key: string,
  unit: MetricUnit,
): MetricExpectation | undefined {
  if (measureOnly) return undefined
  const found = config.expected[mode]?.[key]
  if (!found) return undefined
  if (found.unit === unit) return { key, bound: found.bound, value: found.value }
  throw new ConfigError(
    `${config.sourceFile}: expected "${key}" is in ${found.unit}, and what is measured is in ${unit}: write another unit`,
  )
}

function otherBound({ config }: RunContext, { key, bound }: MetricExpectation, asked: string): ConfigError {
  return new ConfigError(
    `${config.sourceFile}: expected "${key}" says ${bound}, and the suite asks for ${asked}: write "${asked}" there`,
  )
}

/** Runs one repetition, counts on its machines, and looks whether anything restarted or went away meanwhile. */
async function guarded<T extends object>(
  { environment, signal }: MeasureContext,
  path: MeasuredPath,
  measurement: { readonly counting: MeasurementCounting; readonly rest: Rest },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<(T & Watched) | { readonly lost: string }> {
  const { lost } = environment.dataplane
  let counting: RepetitionCounting | undefined
  let before: Identities | undefined
  try {
    before = await identities(environment, path)
    const whileMeasured = AbortSignal.any([signal, lost])
    await measurement.rest.over(whileMeasured)
    counting = await measurement.counting.begin(whileMeasured)
    const result = await work(whileMeasured)
    const [counted, after] = await together([counting.end(), identities(environment, path)])
    lost.throwIfAborted()
    return { ...result, ...changes(before, after, configuredAddresses(environment)), counted }
  } catch (error) {
    signal.throwIfAborted()
    if (lost.aborted) return { lost: describeError(lost.reason) }
    throw await explainLoss(error, [path.from, path.to], before)
  } finally {
    await counting?.stop()
  }
}

const unchanged: Changes = { restarts: [], disturbances: [] }

interface Watched extends Changes {
  readonly counted: Pick<SampleProvenance, 'counters' | 'countersMissing'>
}

/** Repetitions differ in their counts, so the first that was not proven speaks for the others. */
function notesOn(samples: readonly Sample[], mode: string | undefined): string[] {
  if (mode === undefined) return []
  const unproven = samples.find(({ modeEvidence }) => modeEvidence?.state !== 'proven')
  return unproven ? [describeMode(unproven, mode)] : []
}

function describeRestart({ what, machine, detail }: Restart): string {
  return `${what} on ${machine} restarted while measuring: ${detail}`
}

function lastValue({ name, unit, statistics }: Metric): string {
  return `${name} ${formatFigure(statistics.values.at(-1)!, null, unit)}`
}
