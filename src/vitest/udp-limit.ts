/** The highest UDP rate whose loss stays within a limit: RFC 2544's throughput with a loss that is allowed, by halving. */
import type { Sample } from '../verdict/sample.ts'
import { named, sampleFlows, udpFaults, udpFigures, udpRun } from './flow-runs.ts'
import { type Measured, type RepetitionContext, measureMetrics } from './metrics.ts'
import type { MeasureContext } from './throughput.ts'
import type { UdpLimitRequest } from './traffic-requests.ts'

const defaultMostLoss = 0.001
/** Each trial is short: it only has to tell loss from none, and the rate that is found is measured once more in full. */
const trialWindow = { warmUpSeconds: 1, keptSeconds: 2, warmDownSeconds: 0 }
/** The search ends when the rate is known to this part of it. */
const resolution = 0.02
/** Halvings; from any start they reach the resolution, or there is no such rate. */
const mostTrials = 10

/** Searches in each repetition. @throws MeasurementError when what was measured is invalid */
export function udpLimit(context: MeasureContext, request: UdpLimitRequest): Promise<Measured<'received'>> {
  const { mostLoss = defaultMostLoss, payloadBytes } = request
  return measureMetrics(context, {
    name: named(`udp with at most ${Number((mostLoss * 100).toPrecision(3))} % loss`, request),
    path: request,
    units: { received: 'bit/s' },
    expected: request.expected,
    async repeat(repetition) {
      const trial = async (bitsPerSecond: number, name: string, full = false): Promise<Sample> => {
        const run = udpRun(context, request, bitsPerSecond, payloadBytes)
        return sampleFlows({ ...run, ...(full ? {} : { window: trialWindow }), name }, repetition)
      }
      return search(trial, mostLoss, repetition)
    },
  })
}

type Trial = (bitsPerSecond: number, name: string, full?: boolean) => Promise<Sample>

async function search(
  trial: Trial,
  mostLoss: number,
  { signal }: RepetitionContext,
): Promise<{ values: { received: number }; samples: Sample[]; faults: string[] }> {
  // As fast as it goes tells what the path lets through at most: no rate above it can be without loss.
  const flatOut = await trial(0, 'flat-out')
  const brokenFlatOut = udpFaults(flatOut)
  const first = udpFigures(flatOut)
  if (brokenFlatOut.length > 0 || flatOut.state !== 'measured')
    return { values: { received: Number.NaN }, samples: [flatOut], faults: brokenFlatOut }
  if (first.loss <= mostLoss) return { values: { received: first.received }, samples: [flatOut], faults: [] }
  let [good, bad] = [0, first.sent]
  for (let count = 1; count <= mostTrials && bad - good > resolution * bad; count++) {
    signal.throwIfAborted()
    const rate = (good + bad) / 2
    const { loss } = udpFigures(await trial(rate, `trial-${count}`))
    if (loss <= mostLoss) good = rate
    else bad = rate
  }
  if (good === 0) {
    const faults = [`even at ${Math.round(bad / 1000)} kbit/s more than ${mostLoss * 100} % were lost`]
    return { values: { received: Number.NaN }, samples: [], faults }
  }
  // What two seconds let through may be too much for the full window: a step down then, and the same again.
  for (const part of [1, 0.95, 0.9, 0.8]) {
    const sample = await trial(good * part, `full-${part}`, true)
    const { received, loss } = udpFigures(sample)
    const broken = udpFaults(sample)
    if (loss <= mostLoss || broken.length > 0)
      return { values: { received }, samples: [sample], faults: broken }
  }
  const faults = [
    `at ${Math.round(good / 1e6)} Mbit/s, found in short trials, a full window lost more than ${mostLoss * 100} %, and at 80 % of it too`,
  ]
  return { values: { received: Number.NaN }, samples: [], faults }
}
