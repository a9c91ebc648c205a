/** The fixture `traffic` with what a load balancer needs: throughput to whichever of several backends is chosen. */
import type { BalancedPath } from './placement.ts'
import { withoutIperf2 } from './flow-tools.ts'
import type { Unmet } from './needs.ts'
import type { Through } from './through.ts'
import {
  type MeasureContext,
  type Throughput,
  type ThroughputRequest,
  measureThroughput,
} from './throughput.ts'
import type { Traffic } from './traffic-requests.ts'

export interface TestTraffic extends Traffic {
  /**
   * Measures TCP throughput to several backends behind one address with iperf 2, whose flows are one connection each; the
   * share of each backend is noted beside the verdict. Skips the test where a machine has no iperf 2.
   * @throws MeasurementError when the measurement is not valid; ConfigError without iperf 2 under `--strict`
   */
  balanced(request: BalancedRequest): Promise<Throughput>
}

/** As for iperf3, but with several receivers and a path that chooses among them. */
export interface BalancedRequest extends Omit<ThroughputRequest, 'to' | 'through'> {
  readonly backends: BalancedPath['backends']
  readonly through: Through
}

/** @param next the context of the test's next measurement */
export function balancedBy(next: () => MeasureContext, unmet: Unmet): TestTraffic['balanced'] {
  return async ({ backends, ...request }) => {
    const missing = await withoutIperf2([request.from, ...backends])
    if (missing !== undefined) return unmet(missing)
    return measureThroughput(next(), { ...request, to: backends[0], backends })
  }
}
