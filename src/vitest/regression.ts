/** In a worker: holds what was measured against a baseline, and measures once more before it calls a regression. */
import { expect } from 'vitest'
import type { Environment } from '../environment/environment.ts'
import { type Baseline, baselineTitle, requireAlike } from '../report/baseline.ts'
import type { BaselineCheck } from '../report/baseline-check.ts'
import { type Figures, figureKey, throughputFigure } from '../report/figures.ts'
import { type Traits, differencesOf, traitsOf } from '../report/likeness.ts'
import { type Comparison, compareFigures, fewestAgainst } from '../verdict/compare.ts'
import type { Sample } from '../verdict/sample.ts'
import { readBaseline } from './baseline-files.ts'
import { tell } from './messages.ts'
import type { RunContext } from './run-context.ts'

/** What a run knows of baselines. */
export interface BaselineContext {
  /** Where the project keeps them. Absolute. */
  readonly folder: string
  /** `--baseline`: every measurement of throughput is held against it. */
  readonly against?: Baseline | undefined
  /** `--save-baseline`: which this run is to make. */
  readonly saving?: string | undefined
  readonly allowUnlike: boolean
}

/** A measurement that can go on. */
export interface Repeatable {
  readonly name: string
  readonly samples: readonly Sample[]
  /** Measures so many repetitions more, apart from `samples`. @throws MeasurementError when one is not valid */
  again(repetitions: number): Promise<readonly Sample[]>
  /** Keeps the check for the run record. */
  note(check: BaselineCheck): void
}

export interface Place {
  readonly suite: string
  readonly test: string
}

/** The baselines of one test. */
export class BaselineWatch {
  private readonly run: RunContext
  private readonly environment: Environment
  private readonly place: Place

  /** @throws UsageError when the baseline of `--baseline` is of other machines or another config, unless that is allowed */
  constructor(run: RunContext, environment: Environment, place: Place) {
    this.run = run
    this.environment = environment
    this.place = place
    const { against, allowUnlike = false } = run.baselines ?? {}
    if (against) requireAlike(against, differencesOf(against.traits, traitsIn(environment)), allowUnlike)
  }

  /** After a measurement: against the baseline of `--baseline`, if there is one. A regression fails the test, which goes on. */
  async settle(measured: Repeatable): Promise<void> {
    const { against } = this.run.baselines ?? {}
    if (against) expect.soft(await this.hold(measured, against)).toBeNoRegression()
  }

  /**
   * Against the baseline of this name, or that of `--baseline`.
   * @returns `undefined` when none is named, or this run is to make it
   * @throws UsageError when there is none of that name, or it is of another kind of machine, config or tool
   */
  async against(measured: Repeatable, name: string | undefined): Promise<BaselineCheck | undefined> {
    const { folder, against, saving } = this.run.baselines ?? {}
    if (name === undefined && against === undefined) {
      tell({ type: 'log', text: 'no --baseline is named: not compared' })
      return undefined
    }
    if (name !== undefined && name === saving) return undefined
    if (against && (name === undefined || name === against.name)) return this.hold(measured, against)
    return this.hold(measured, await readBaseline(folder!, name!))
  }

  private readonly checks = new Map<string, Promise<BaselineCheck>>()

  /** Once per measurement and baseline, however often it is asked. */
  private hold(measured: Repeatable, baseline: Baseline): Promise<BaselineCheck> {
    const key = JSON.stringify([measured.name, baseline.name])
    const check = this.checks.get(key) ?? this.check(measured, baseline)
    this.checks.set(key, check)
    return check
  }

  private async check(measured: Repeatable, baseline: Baseline): Promise<BaselineCheck> {
    const base = { baseline: baseline.name, measurement: measured.name }
    const done = (check: BaselineCheck): BaselineCheck => {
      measured.note(check)
      tell({ type: 'log', text: check.sentence })
      return check
    }
    const { mode } = this.run
    const place = {
      ...this.place,
      mode,
      figure: throughputFigure,
      unit: 'bit/s',
      better: 'higher',
      tool: '',
    } as const
    const kept = baseline.figures.find((each) => figureKey(each) === figureKey(place))
    // a test that measures several times has the figure of the last
    if (!kept || (kept.measurement ?? measured.name) !== measured.name) {
      const sentence = `${baselineTitle(baseline)} has no figure of ${measured.name} in mode ${mode}: not compared`
      return done({ ...base, state: 'missing', sentence, unlike: [] })
    }
    const unlike = this.unlike(baseline, kept, measured.samples)
    const { min } = this.run.config.measurement.repetitions
    const needed = fewestAgainst(kept.values.length)
    const more = Number.isFinite(needed) ? Math.max(0, needed - measured.samples.length) : 0
    const first = compareFigures(
      kept.values,
      figuresIn([...measured.samples, ...(more > 0 ? await measured.again(more) : [])]),
    )
    const against = `against ${baselineTitle(baseline)}: `
    if (first.conclusion !== 'regression') {
      const state = first.conclusion === 'too-few' ? 'too-few' : 'held'
      return done({ ...base, state, sentence: against + first.sentence, first, unlike })
    }
    tell({ type: 'log', text: `${against}${first.sentence}; measuring again` })
    const again = compareFigures(kept.values, figuresIn(await measured.again(Math.max(min, needed))))
    const seen = again.conclusion === 'regression'
    const sentence = sentenceOf(against, first, again, seen)
    return done({ ...base, state: seen ? 'regression' : 'not-seen-again', sentence, first, again, unlike })
  }

  /** @throws UsageError when they are unlike, unless that is allowed */
  private unlike(baseline: Baseline, kept: Figures, samples: readonly Sample[]): string[] {
    const tools = [...new Set(samples.map(({ tool }) => tool))].sort().join(', ')
    const found = [
      ...differencesOf(baseline.traits, traitsIn(this.environment)),
      ...(tools === kept.tool ? [] : [`tools: ${kept.tool} → ${tools}`]),
    ]
    requireAlike(baseline, found, this.run.baselines?.allowUnlike ?? false)
    return found
  }
}

function traitsIn({ machines, config, dataplane }: Environment): Traits {
  return traitsOf({
    machines: machines.map(({ cpus, memoryMib, ...machine }) => ({
      ...machine,
      cores: cpus,
      memoryBytes: memoryMib * 2 ** 20,
    })),
    config,
    profile: config.measurement,
    dataPlanes: dataplane.provenance.map(({ version }) => version),
  })
}

function figuresIn(samples: readonly Sample[]): number[] {
  return samples.flatMap((sample) => (sample.state === 'measured' ? [sample.receiver.bitsPerSecond] : []))
}

function sentenceOf(against: string, first: Comparison, again: Comparison, seen: boolean): string {
  return seen
    ? `REGRESSION ${against}${first.sentence}; seen again: ${again.sentence}`
    : `${against}${first.sentence}, which was not seen again: ${again.sentence}`
}
