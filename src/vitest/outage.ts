/** How long nothing gets through when something breaks: a stream of packets, a fault planted and ended by the suite, figures. */
import { setTimeout as delay } from 'node:timers/promises'
import { ThresholdError } from '../core/errors.ts'
import { asPhase } from '../core/steps.ts'
import { type ClockOffset, clockOf, controllerMs } from '../traffic/clock.ts'
import { type Outage, lastLossMs, outageOf, requireQuiet } from '../traffic/outage.ts'
import { type ProbeStream, type Probes, probeIntervalMs, startProbes } from '../traffic/probe-stream.ts'
import { formatBound, formatFigure } from '../verdict/figure-format.ts'
import { named } from './flow-runs.ts'
import { type Measured, type RepetitionResult, measureMetrics } from './metrics.ts'
import type { MeasureContext } from './throughput.ts'
import type { OutageFigure, OutageRequest } from './traffic-requests.ts'

/** How long the path must carry everything before it is disturbed, and after it is whole again. */
const quietMs = 1000
/** Of the packets of that time; a busy machine sends fewer of them. */
const leastAnswers = quietMs / probeIntervalMs / 2
/** The longest wait for the first of them. */
const beginWithinMs = 20_000
/** Beyond it packets could not be told by their numbers, and nobody waits so long for a path. */
const longestMs = 240_000

/** @throws MeasurementError when the path is not quiet before, or nothing gets through after; what `fault` and `mend` throw */
export function measureOutage(
  context: MeasureContext,
  request: OutageRequest,
): Promise<Measured<OutageFigure>> {
  const { from, event } = request
  return measureMetrics(context, {
    name: `${named('outage', request)}: ${event}`,
    path: request,
    units: { outage: 's', recovery: 's', lost: 'packets', resolution: 's' },
    expected: request.expected,
    disturbs: true,
    async repeat({ address, signal, store }) {
      const clock = await clockOf(from, signal)
      const stream = startProbes(from, { address, runId: context.run.runId, signal })
      try {
        await stream.until(
          'the path carries packets',
          ({ answers }) => answers.length >= leastAnswers && stretchMs(answers) >= quietMs,
          beginWithinMs,
        )
        const unfit = requireQuiet(stream.probes, leastAnswers)
        if (unfit !== undefined) return refused(unfit)
        const times = await asPhase(context.observe, `fault: ${event}`, () =>
          disturbed(request, clock, signal),
        )
        const backMs = request.backWithinMs ?? 30_000
        const back = await cameBack(stream, times.mendedMs, backMs)
        const outage = outageOf(stream.probes, { ...times, clockMs: clock.doubtMs })
        if (typeof outage === 'string') return refused(outage)
        return back ? figuresOf(outage) : neverBack(context, request, outage)
      } finally {
        await stream.stop()
        await store('ping.txt', stream.text)
      }
    },
  })
}

/** Plants and ends the fault, and tells when each was ordered by the sender's clock. */
async function disturbed(
  { fault, mend, lastsMs = 1000 }: OutageRequest,
  { aheadMs }: ClockOffset,
  signal: AbortSignal,
): Promise<{ readonly plantedMs: number; readonly mendedMs: number }> {
  const now = (): number => controllerMs() + aheadMs
  const plantedMs = now()
  try {
    await fault()
    await delay(Math.min(lastsMs, longestMs), undefined, { signal })
  } catch (error) {
    try {
      await mend?.()
    } catch (mending) {
      throw new AggregateError([error, mending], 'the fault failed, and so did its end', { cause: mending })
    }
    throw error
  }
  const mendedMs = now()
  await mend?.()
  return { plantedMs, mendedMs }
}

/** Whether everything got through for a while, in time. What was lost on the way to that is the measurement's. */
async function cameBack(stream: ProbeStream, mendedMs: number, withinMs: number): Promise<boolean> {
  let back = false
  const deadline = performance.now() + withinMs
  await stream.until(
    'packets get through again',
    (probes) => {
      back = whole(probes, mendedMs)
      return back || performance.now() > deadline
    },
    withinMs + beginWithinMs,
  )
  return back
}

function whole(probes: Probes, mendedMs: number): boolean {
  const last = probes.answers.at(-1)?.atMs ?? 0
  return last - Math.max(mendedMs, lastLossMs(probes) ?? 0) >= quietMs
}

function figuresOf(outage: Outage): RepetitionResult<OutageFigure> {
  const { outageMs, recoveryMs, lost, resolutionMs, stretches } = outage
  const values = {
    outage: outageMs / 1000,
    recovery: recoveryMs / 1000,
    lost,
    resolution: resolutionMs / 1000,
  }
  const notes =
    stretches === 0
      ? ['no packet was lost']
      : stretches > 1
        ? [`packets were lost in ${stretches} stretches; the outage is the longest`]
        : []
  return { samples: [], values, notes }
}

/**
 * Nobody knows how long an outage is that did not end; that it is longer than it was watched is known, and may be more than the
 * config allows.
 * @throws ThresholdError when it is
 */
function neverBack(
  { run }: MeasureContext,
  { from, to, event, expected }: OutageRequest,
  { outageMs }: Outage,
): RepetitionResult<OutageFigure> {
  const told =
    `${to.name} (${to.hypervisor.name}) does not answer ${from.name} (${from.hypervisor.name}) again after: ${event}; ` +
    `the outage is ${formatFigure(outageMs / 1000, null, 's')} at least`
  const key = expected?.outage
  const limit = key === undefined || run.measureOnly ? undefined : run.config.expected[run.mode]?.[key]
  if (limit?.bound === 'at_most' && limit.unit === 's' && outageMs / 1000 > limit.value)
    throw new ThresholdError(`${told} > ${formatBound(limit.value, 's')} expected (${run.mode}, ${key})`)
  return refused(told)
}

function refused(fault: string): RepetitionResult<OutageFigure> {
  const none = { outage: Number.NaN, recovery: Number.NaN, lost: Number.NaN, resolution: Number.NaN }
  return { samples: [], values: none, faults: [fault] }
}

function stretchMs(answers: Probes['answers']): number {
  return answers.length === 0 ? 0 : answers.at(-1)!.atMs - answers[0]!.atMs
}
