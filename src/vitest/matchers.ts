/** `expect(throughput).toReachExpected('remote_vm2vm')`: the verdict as an assertion, with its sentence as the message. */
import { expect } from 'vitest'
import type { ThresholdKey, Throughput } from './throughput.ts'

declare module 'vitest' {
  interface Matchers<R, T> {
    /**
     * Holds the throughput against a threshold of the config, in the mode of the run: validity first, then the 95 %
     * interval of the mean. Fails for FAIL and UNSTABLE alike; the message is the verdict's sentence.
     */
    toReachExpected(key: ThresholdKey): R
  }
}

expect.extend({
  toReachExpected(received: Throughput, key: ThresholdKey) {
    if (typeof received?.verdict !== 'function') {
      return { pass: false, message: () => 'toReachExpected takes what `await traffic.iperf3(…)` returned' }
    }
    if (this.isNot)
      return { pass: true, message: () => 'toReachExpected has no negation: a miss is not an aim' }
    const verdict = received.verdict(key)
    return { pass: verdict.state === 'PASS', message: () => `${verdict.state}: ${verdict.sentence}` }
  },
})
