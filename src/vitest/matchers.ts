/** `expect(throughput).toReachExpected('remote_vm2vm')`: the verdict as an assertion, with its sentence as the message. */
import { expect } from 'vitest'
import type { BaselineCheck } from '../report/baseline-check.ts'
import { scenarioOf } from './judging.ts'
import type { MeasuredMetric } from './metrics.ts'
import type { Threshold, Throughput } from './throughput.ts'

declare module 'vitest' {
  interface Matchers<R, T> {
    /**
     * Holds the throughput against a threshold of the config, in the mode of the run, or against one of the suite's own
     * (`{ gbitPerSecond: 9 }`): validity first, then the 95 %
     * interval of the mean. Fails for FAIL and UNSTABLE alike; the message is the verdict's sentence.
     */
    toReachExpected(threshold: Threshold): R
    /**
     * Holds the throughput against a baseline of the project, `baselines/<name>.json`; without a name against that of
     * `--baseline`, and where there is none nothing is compared. A regression (p < 0.05 by Mann and Whitney, and a median at
     * least 5 % worse) is measured once more before it is called. To be awaited.
     */
    toNotRegressFrom(baseline?: string): Promise<R>
    /** What `--baseline` has held every measurement against. */
    toBeNoRegression(): R
    /**
     * Holds a figure against the config's `expected` entry of this name, an `at_least`: the 95 % interval of its mean
     * decides. Without such an entry the figure is reported and not judged.
     */
    toReach(key: string): R
    /** As `toReach`, for an `at_most`. */
    toStayBelow(key: string): R
  }
}

/** The verdict as Vitest wants it. */
function judged(
  received: MeasuredMetric,
  key: string,
  bound: 'at_least' | 'at_most',
  { matcher, isNot }: { readonly matcher: string; readonly isNot: boolean },
): { pass: boolean; message: () => string } {
  if (typeof received?.judge !== 'function')
    return {
      pass: isNot,
      message: () => `${matcher} takes a figure of what a measurement of "traffic" returned`,
    }
  if (isNot) return { pass: true, message: () => `${matcher} has no negation: a miss is not an aim` }
  const verdict = received.judge(key, bound)
  return {
    pass: verdict === undefined || verdict.state === 'PASS',
    message: () => (verdict ? `${verdict.state}: ${verdict.sentence}` : `${key} is not expected`),
  }
}

expect.extend({
  toReach(received: MeasuredMetric, key: string) {
    return judged(received, key, 'at_least', { matcher: 'toReach', isNot: this.isNot })
  },
  toStayBelow(received: MeasuredMetric, key: string) {
    return judged(received, key, 'at_most', { matcher: 'toStayBelow', isNot: this.isNot })
  },
  async toNotRegressFrom(received: Throughput, baseline?: string) {
    if (typeof received?.against !== 'function')
      return {
        pass: this.isNot,
        message: () => 'toNotRegressFrom takes what `await traffic.iperf3(…)` returned',
      }
    if (this.isNot)
      return { pass: true, message: () => 'toNotRegressFrom has no negation: a regression is not an aim' }
    const check = await received.against(baseline)
    return { pass: check?.state !== 'regression', message: () => check?.sentence ?? 'nothing was compared' }
  },
  toBeNoRegression({ state, sentence }: BaselineCheck) {
    return { pass: state !== 'regression', message: () => sentence }
  },
  toReachExpected(received: Throughput, threshold: Threshold) {
    if (typeof received?.verdict !== 'function') {
      return { pass: false, message: () => 'toReachExpected takes what `await traffic.iperf3(…)` returned' }
    }
    if (this.isNot)
      return { pass: true, message: () => 'toReachExpected has no negation: a miss is not an aim' }
    const verdict = received.reach(threshold)
    if (!verdict)
      return { pass: true, message: () => `${scenarioOf(threshold)} was measured, and not judged` }
    return { pass: verdict.state === 'PASS', message: () => `${verdict.state}: ${verdict.sentence}` }
  },
})
