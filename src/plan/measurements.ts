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

export class PlannedMeasurements implements Expectations {
  readonly list: PlannedMeasurement[] = []
  private readonly planning: TestPlanning
  private open: { name: string; from: number } | undefined

  constructor(planning: TestPlanning) {
    this.planning = planning
  }

  next(signal: AbortSignal): MeasureContext {
    this.close()
    const { run, environment, world, observe } = this.planning
    const open = { name: 'a measurement', from: world.seconds }
    this.open = open
    return {
      run,
      environment,
      signal,
      record: ({ name }) => void (open.name = name),
      store: async (name) => name,
      observe,
      progress: () => undefined,
      baselines: { settle: async () => undefined, against: async () => undefined },
    }
  }

  /** Ends the measurement that was begun last. */
  close(): void {
    if (!this.open) return
    const { world, profile } = this.planning
    const { name, from } = this.open
    this.open = undefined
    const { repetitions: asked, gapSeconds } = profile
    const repetitions = this.planning.run.measureOnly ? { min: asked.min, max: asked.min } : asked
    const trafficSeconds = world.seconds - from
    const lasting = (times: number): number => times * trafficSeconds + (times - 1) * gapSeconds
    const seconds = { min: lasting(repetitions.min), max: lasting(repetitions.max) }
    this.list.push({ name, trafficSeconds, gapSeconds, repetitions, seconds, judged: [] })
  }

  reach(throughput: Throughput, threshold: Threshold): void {
    this.close()
    const { run } = this.planning
    if (run.measureOnly) return this.say(throughput.name, `for ${scenarioOf(threshold)}: measured, and held against nothing`)
    throughput.reach(threshold) // a threshold that is not there ends a plan's test as a run's
    const gigabits =
      typeof threshold === 'string' ? run.config.expectedThroughput[run.mode]?.[threshold] : threshold.gbitPerSecond
    this.say(throughput.name, `≥ ${gigabits} Gbit/s expected (${run.mode}, ${scenarioOf(threshold)})`)
  }

  hold(metric: MeasuredMetric, key: string, bound: MetricExpectation['bound']): void {
    this.close()
    const { run } = this.planning
    const found = run.measureOnly ? undefined : run.config.expected[run.mode]?.[key]
    metric.judge(key, bound)
    const sign = bound === 'at_least' ? '≥' : '≤'
    const { name } = this.list.at(-1) ?? { name: '' }
    this.say(
      name,
      found
        ? `${metric.name} ${sign} ${formatBound(found.value, found.unit)} expected (${run.mode}, ${key})`
        : `${metric.name}: reported, and held against nothing (the config has no ${key} in expected)`,
    )
  }

  private say(measurement: string, sentence: string): void {
    const found = this.list.findLast(({ name }) => name === measurement) ?? this.list.at(-1)
    found?.judged.push(sentence)
  }
}
