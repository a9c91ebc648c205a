/** What a test of a plan measures: for how long, how often, and against what. */
import type { MeasurementProfile } from '../config/index.ts'
import { formatBound } from '../verdict/figure-format.ts'
import type { MetricExpectation } from '../verdict/metric.ts'
import { type Threshold, scenarioOf } from '../vitest/judging.ts'
import type { MeasuredMetric } from '../vitest/metrics.ts'
import type { MeasureContext, Throughput } from '../vitest/throughput.ts'
import type { PlannedMeasurement } from './plan-schema.ts'
import type { TestPlanning } from './run-test.ts'
import type { Expectations } from './suite-api.ts'

/** The machines' answers are the same each time, so one repetition shows what all of them do. */
export function oneRepetition(profile: MeasurementProfile): MeasurementProfile {
  return { ...profile, repetitions: { min: 1, max: 1 }, gapSeconds: 0, onUnprovenMode: 'note' }
}

interface Open {
  name: string
  readonly from: number
  /** Whether its verdict decides when enough was repeated. */
  decides: boolean
}

export class PlannedMeasurements implements Expectations {
  readonly list: PlannedMeasurement[] = []
  private readonly planning: TestPlanning
  /** By what a suite got for it: a throughput, or a figure. */
  private readonly of = new WeakMap<object, PlannedMeasurement>()
  private open: Open | undefined

  constructor(planning: TestPlanning) {
    this.planning = planning
  }

  next(signal: AbortSignal): MeasureContext {
    this.close()
    const { run, environment, world, observe } = this.planning
    const open: Open = { name: 'a measurement', from: world.seconds, decides: false }
    this.open = open
    return {
      run,
      environment,
      signal,
      record: ({ name, verdict }) => Object.assign(open, { name, decides: verdict !== undefined }),
      store: async (name) => name,
      observe,
      progress: () => undefined,
      baselines: { settle: async () => undefined, against: async () => undefined },
    }
  }

  /** The fixture `traffic`, whose results are known to be of their measurements. */
  known<T extends object>(traffic: T): T {
    const kept = Object.entries(traffic).map(([name, measure]) => [
      name,
      async (request: unknown) => {
        const before = this.list.length
        const result: unknown = await (measure as (request: unknown) => Promise<unknown>)(request)
        this.close()
        for (const [index, each] of [result].flat().entries()) this.remember(each, this.list[before + index])
        return result
      },
    ])
    return Object.fromEntries(kept) as T
  }

  /** Ends the measurement that was begun last. */
  close(): void {
    if (!this.open) return
    const { name, from, decides } = this.open
    this.open = undefined
    const { world, profile } = this.planning
    const { min } = profile.repetitions
    const planned = {
      name,
      trafficSeconds: world.seconds - from,
      gapSeconds: profile.gapSeconds,
      repetitions: { min, max: min },
      seconds: { min: 0, max: 0 },
      judged: [],
    }
    this.list.push(planned)
    this.last(planned, decides)
  }

  reach(throughput: Throughput, threshold: Threshold): void {
    const { run } = this.planning
    const name = scenarioOf(threshold)
    throughput.reach(threshold) // a threshold that is not there ends a plan's test as a run's
    const gigabits =
      typeof threshold === 'string'
        ? run.config.expectedThroughput[run.mode]?.[threshold]
        : threshold.gbitPerSecond
    const sentence = run.measureOnly
      ? `for ${name}, held against nothing (--measure-only)`
      : `≥ ${gigabits} Gbit/s expected (${run.mode}, ${name})`
    this.of.get(throughput)?.judged.push(sentence)
  }

  hold(metric: MeasuredMetric, key: string, bound: MetricExpectation['bound']): void {
    const { run } = this.planning
    metric.judge(key, bound)
    const found = run.measureOnly ? undefined : run.config.expected[run.mode]?.[key]
    const planned = this.of.get(metric)
    if (!planned) return
    const sign = bound === 'at_least' ? '≥' : '≤'
    const sentence = found
      ? `${metric.name} ${sign} ${formatBound(found.value, found.unit)} expected (${run.mode}, ${key})`
      : `${metric.name}: reported, held against nothing (no ${key} in the config's expected)`
    planned.judged.push(sentence)
    if (found) this.last(planned, true)
  }

  private remember(result: unknown, planned: PlannedMeasurement | undefined): void {
    if (!planned || typeof result !== 'object' || result === null) return
    this.of.set(result, planned)
    const metrics = 'metrics' in result ? Object.values(result.metrics as Record<string, object>) : []
    for (const metric of metrics) this.of.set(metric, planned)
  }

  private last(planned: PlannedMeasurement, decides: boolean): void {
    const { min, max } = this.planning.profile.repetitions
    const { trafficSeconds, gapSeconds } = planned
    const lasting = (times: number): number => times * trafficSeconds + (times - 1) * gapSeconds
    planned.repetitions = { min, max: decides ? max : min }
    planned.seconds = { min: lasting(min), max: lasting(planned.repetitions.max) }
  }
}
