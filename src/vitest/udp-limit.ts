/** The highest UDP rate whose loss stays within a limit: RFC 2544's throughput with a loss that is allowed, by halving. */
import { formatFigure } from '../verdict/figure-format.ts'
import type { Sample } from '../verdict/sample.ts'
import { named, sampleFlows, udpFaults, udpFigures, udpRun } from './flow-runs.ts'
import { type Measured, measureMetrics } from './metrics.ts'
import type { MeasureContext } from './throughput.ts'
import type { UdpLimitRequest } from './traffic-requests.ts'

const defaultMostLoss = 0.001
/** Each trial is short: it only has to tell loss from none, and the rate that is found is measured once more in full. */
const trialWindow = { warmUpSeconds: 1, keptSeconds: 2, warmDownSeconds: 0 }
/** The search ends when the rate is known to this part of it. */
const resolution = 0.02
/** Halvings; from any start they reach the resolution, or there is no such rate. */
const mostTrials = 10

/** Parts of the rate that was found in short trials. */
const stepsDown = [1, 0.95, 0.9, 0.8, 0.65, 0.5, 0.25]

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
      return search(trial, mostLoss, repetition.signal)
    },
  })
}

/** Sends at a rate, 0 as fast as it goes, for a short window or the full one. */
export type Trial = (bitsPerSecond: number, name: string, full?: boolean) => Promise<Sample>

interface Found {
  readonly values: { readonly received: number }
  readonly samples: readonly Sample[]
  readonly faults: readonly string[]
}

/** A trial that measured nothing ends the search: it is not to be taken for one that lost too much. */
export async function search(trial: Trial, mostLoss: number, signal: AbortSignal): Promise<Found> {
  const flatOut = await trial(0, 'flat-out')
  if (isBroken(flatOut)) return refused(flatOut)
  const first = udpFigures(flatOut)
  // no more than what was sent as fast as it goes can arrive; a path under less load may let more through than it then did
  let [good, bad] = first.loss <= mostLoss ? [first.sent, first.sent] : [0, first.sent]
  for (let count = 1; count <= mostTrials && bad - good > resolution * bad; count++) {
    signal.throwIfAborted()
    const rate = (good + bad) / 2
    const sample = await trial(rate, `trial-${count}`)
    if (isBroken(sample)) return refused(sample)
    if (udpFigures(sample).loss <= mostLoss) good = rate
    else bad = rate
  }
  const limit = `${Number((mostLoss * 100).toPrecision(3))} %`
  if (good === 0) return nothing(`even at ${formatFigure(bad, null, 'bit/s')} more than ${limit} were lost`)
  // What two seconds let through may be too much for the full window: a step down then, and the same again.
  for (const part of stepsDown) {
    const sample = await trial(good * part, `full-${part}`, true)
    if (isBroken(sample)) return refused(sample)
    const { received, loss } = udpFigures(sample)
    if (loss <= mostLoss) return { values: { received }, samples: [sample], faults: [] }
  }
  const rate = formatFigure(good, null, 'bit/s')
  return nothing(
    `${rate} lost no more than ${limit} in short trials, and in the full window even a quarter of it did`,
  )
}

function isBroken(sample: Sample): boolean {
  return sample.state !== 'measured' || udpFaults(sample).length > 0
}

/** The sample's own faults say why. */
function refused(sample: Sample): Found {
  return { values: { received: Number.NaN }, samples: [sample], faults: udpFaults(sample) }
}

function nothing(why: string): Found {
  return { values: { received: Number.NaN }, samples: [], faults: [why] }
}
