/** Measures throughput: pre-flight, then repetitions until the verdict is decided, each stored before it is judged. */
import type { Environment } from '../environment/environment.ts'
import type { MeasurementProfile } from '../config/index.ts'
import { MeasurementError, describeError } from '../core/errors.ts'
import { type Observe, asPhase } from '../core/steps.ts'
import { together } from '../core/together.ts'
import type { Line, PathObservation, SoftwarePackets } from '../dataplane/dataplane.ts'
import type { Family, VirtualMachine } from '../machine/virtual-machine.ts'
import { alignFlows, runSeconds } from '../traffic/iperf3/window.ts'
import { machineFacts } from '../traffic/machine-facts.ts'
import { type Preflight, preflight } from '../traffic/preflight.ts'
import type { BaselineCheck } from '../report/baseline-check.ts'
import type { Ceiling, Sample, SampleProvenance } from '../verdict/sample.ts'
import type { Verdict } from '../verdict/verdict.ts'
import { formatGbit } from '../verdict/format.ts'
import { ceilingOn, lineOf } from './ceiling.ts'
import { MeasurementCounting, type RepetitionCounting, machinesOf } from './counting.ts'
import { type FlowRequest, type RanFlows, runFlows } from './flow-tools.ts'
import {
  type OwnThreshold,
  type Threshold,
  type ThresholdKey,
  endingOf,
  judgeAgainst,
  modeOf,
  scenarioOf,
} from './judging.ts'
import { explainLoss } from './lost-guest.ts'
import { measuring, withRates } from './live/rates.ts'
import { modeEvidence } from './mode-evidence.ts'
import { observePaths } from './observe-paths.ts'
import { type Through, bypassFaults, openState, requireFit, throughDefaults, withFaults } from './through.ts'
import { measureAgain } from './measure-again.ts'
import type { BaselineWatch, Repeatable } from './regression.ts'
import { type Changes, type Identities, changes, configuredAddresses, identities } from './identities.ts'
import type { MeasurementReport, RunContext } from './run-context.ts'
import { Rest } from './rest.ts'
import { refuseKernelTrouble } from './watching.ts'

export type { OwnThreshold, Threshold, ThresholdKey }

export interface ThroughputRequest {
  /** Sends; runs the clients. */
  readonly from: VirtualMachine
  /** Receives; runs the servers. */
  readonly to: VirtualMachine
  readonly family: Family
  /** Default: the config's `concurrent_flow_count`. */
  readonly flows?: number
  /** The threshold that decides when enough was repeated, of the config or the suite's own. Default: by placement. */
  readonly expected?: Threshold
  /** Where clients connect to. Default: that of `through`, else the receiver's own address. */
  readonly address?: string | undefined
  /** What keeps state on the path, as `dataplane.nat` and `dataplane.loadBalancer` return it: new for each repetition. */
  readonly through?: Through
}

/** A finished measurement, to be held against an expectation. */
export interface Throughput {
  readonly name: string
  readonly samples: readonly Sample[]
  /** The verdict against a threshold of the config, also kept in the run record. */
  verdict(key: Threshold): Verdict
  /** As `verdict`; `undefined` in a run that only measures, which notes what the figure is for. */
  reach(key: Threshold): Verdict | undefined
  /** Against the baseline of this name, or of `--baseline`; a regression is measured again first. @throws UsageError */
  against(baseline?: string): Promise<BaselineCheck | undefined>
}

export interface MeasureContext {
  readonly run: RunContext
  readonly environment: Environment
  readonly signal: AbortSignal
  /** Keeps the measurement's state for the run record, as often as it changes. */
  readonly record: (report: MeasurementReport) => void
  /** Stores a file among the test's artifacts; returns its path in the results folder. */
  readonly store: (name: string, content: string) => Promise<string>
  /** Is told of pre-flight and repetitions. */
  readonly observe: Observe
  readonly progress: (text: string) => void
  readonly baselines: Pick<BaselineWatch, 'settle' | 'against'>
}

/** @throws MeasurementError when what was measured is invalid, with the reason; ConnectionError */
export async function measureThroughput(context: MeasureContext, asked: FlowRequest): Promise<Throughput> {
  const { environment, run, signal, observe } = context
  const request = throughDefaults(asked)
  const { from, to, family, through, backends } = request
  const receivers = (backends ?? [to]).map((each) => each.name).join(' or ')
  const name = `${backends ? 'iperf 2' : 'iperf3'} ${family} ${from.name} → ${receivers}`
  const key = request.expected ?? (from.hypervisor === to.hypervisor ? 'local_vm2vm' : 'remote_vm2vm')
  if (!backends) requireFit(through, request.flows ?? run.config.concurrentFlowCount)
  const next = endingOf(run, key, request.expected !== undefined)
  const samples: Sample[] = []
  const artifacts: string[] = []
  const counting = new MeasurementCounting(
    machinesOf(from, backends ?? [to]),
    runSeconds(run.config.measurement),
  )
  measuring(context, [from, ...(backends ?? [to])])
  let checked: Preflight | undefined
  let line: Line | undefined
  let verdict: Verdict | undefined
  let scenario = scenarioOf(key)
  const baselines: BaselineCheck[] = []
  const report = (invalid?: string): void => {
    const state = { preflight: checked, verdict, scenario, invalid, baselines: [...baselines] }
    context.record({ name, samples: [...samples], ...state, artifacts: [...artifacts] })
  }
  try {
    ;[checked, line] = await asPhase(observe, `pre-flight: ${name}`, () =>
      together([
        checkPath(environment, request, signal),
        lineOf(environment.dataplane, from, backends ?? [to]),
      ]),
    )
  } catch (error) {
    report()
    throw error
  }
  let number = 0
  const rest = new Rest(run.config.measurement.gapSeconds)
  const measure = async (): Promise<Sample> => {
    if (number > 0) await rest.nearlyOver(signal)
    await openState(through)
    number++
    const ceiling = ceilingOn(line, { mtu: checked!.mtuBytes, family })
    const asked = { ...request, name, number, artifacts, checked: checked!, counting, ceiling, rest }
    const sample = await asPhase(observe, repetitionName(number, run.config.measurement, name), () =>
      withRates(context, backends ?? [to], () => repetition(context, asked)),
    )
    await refuseKernelTrouble(environment)
    return sample
  }
  for (;;) {
    samples.push(await measure())
    const step = next(samples)
    if (step !== 'again') verdict = step.verdict
    report(step === 'again' || verdict ? undefined : step.invalid) // a verdict says it itself
    context.progress(progressLine(samples, run.config.measurement))
    if (step === 'again') continue
    if (step.invalid !== undefined) throw new MeasurementError(step.invalid)
    break
  }
  const judged = (asked: Threshold): Verdict => {
    scenario = scenarioOf(asked)
    verdict = judgeAgainst(samples, run, asked)
    report()
    return verdict
  }
  const repeatable: Repeatable = {
    name,
    samples,
    again: (count) => measureAgain(measure, count, run),
    note(check) {
      baselines.push(check)
      report()
    },
  }
  await context.baselines.settle(repeatable)
  return {
    name,
    samples,
    against: async (baseline) =>
      run.measureOnly ? undefined : context.baselines.against(repeatable, baseline),
    verdict: judged,
    reach(asked) {
      if (!run.measureOnly) return judged(asked)
      scenario = scenarioOf(asked)
      report()
      return undefined
    },
  }
}

export function repetitionName(number: number, { repetitions }: MeasurementProfile, what: string): string {
  return `repetition ${number} of ${repetitions.min} to ${repetitions.max}: ${what}`
}

function progressLine(samples: readonly Sample[], { repetitions }: MeasurementProfile): string {
  const last = samples.at(-1)
  const figure =
    last?.state === 'measured' ? `${formatGbit(last.receiver.bitsPerSecond)} Gbit/s` : 'no figure'
  return `repetition ${samples.length} (${repetitions.min} to ${repetitions.max}): ${figure}`
}

/** Pre-flight between two VMs of the environment. @throws MeasurementError */
export async function checkPath(
  environment: Environment,
  request: Pick<ThroughputRequest, 'from' | 'to' | 'family' | 'address'>,
  signal: AbortSignal,
): Promise<Preflight> {
  const { from, to, family } = request
  await environment.locate([from, to], family)
  const [sender, receiver] = [environment.guests.get(from.name), environment.guests.get(to.name)]
  if (!sender || !receiver)
    throw new MeasurementError(`${from.name} or ${to.name} is not part of this environment`)
  return preflight(
    {
      from,
      to,
      family,
      address: request.address ?? to.overlayAddress(family),
      interface: sender.interface,
      receiverFacts: () => machineFacts(to, receiver.interface, from.overlayAddress(family)),
      mtuBytes: Math.min(sender.mtu, receiver.mtu),
    },
    signal,
  )
}

interface Repetition extends FlowRequest {
  readonly name: string
  readonly number: number
  readonly artifacts: string[]
  readonly checked: Preflight
  readonly counting: MeasurementCounting
  readonly rest: Rest
  readonly ceiling: Ceiling | undefined
}

async function repetition(context: MeasureContext, request: Repetition): Promise<Sample> {
  const { environment, run } = context
  const flowsAsked = request.flows ?? run.config.concurrentFlowCount
  const { lost } = environment.dataplane
  const signal = AbortSignal.any([context.signal, lost])
  const startedAt = new Date().toISOString()
  const { socketBufferBytes } = request.checked
  const provenance = {
    repetition: request.number,
    startedAt,
    tool: request.backends ? 'iperf 2' : 'iperf3',
    flowsAsked,
    socketBufferBytes,
    ...(request.ceiling && { ceiling: request.ceiling }),
    ...(request.backends && { backends: request.backends.map((each) => each.name) }),
  }
  let ran: RanFlows
  let changed: Changes
  let before: Identities | undefined
  let software: SoftwarePackets
  let counting: RepetitionCounting | undefined
  let counted: Awaited<ReturnType<RepetitionCounting['end']>>
  try {
    const receivers = request.backends ?? [request.to]
    // while the servers are started
    const reading = together([
      identities(environment, request),
      observePaths(environment.dataplane, request.from, receivers),
    ])
    reading.catch(() => undefined) // for when the servers do not start
    let observation: PathObservation
    const ready = async (): Promise<void> => {
      ;[before, observation] = await reading
      await request.rest.over(signal)
      counting = await request.counting.begin(signal)
    }
    const sent = (): void => request.rest.begin()
    ran = await runFlows({ ...request, flows: flowsAsked, ready, sent }, run, signal)
    const [atEnd, ...ends] = await together([
      identities(environment, request),
      observation!.end(),
      counting!.end(),
    ])
    ;[software, counted] = ends
    for (const [name, content] of ran.files) request.artifacts.push(await context.store(name, content))
    changed = changes(before!, atEnd, configuredAddresses(environment))
    lost.throwIfAborted()
  } catch (error) {
    context.signal.throwIfAborted()
    if (lost.aborted) return ended(provenance, request, describeError(lost.reason))
    throw await explainLoss(error, [request.from, ...(request.backends ?? [request.to])], before)
  } finally {
    await counting?.stop()
  }
  const { inputs } = ran
  const aligned = alignFlows(inputs, run.config.measurement)
  const judged = withFaults(
    aligned,
    inputs.map((flow) => bypassFaults(request.through, flow)),
  )
  const tool = aligned.flows.map((flow) => flow.sender?.version).find(Boolean) ?? provenance.tool
  const { mtuBytes } = request.checked
  const mode = modeOf(run)
  const evidence = mode && modeEvidence(mode, software, aligned.flows, { family: request.family, mtuBytes })
  return { ...provenance, tool, ...changed, ...counted, modeEvidence: evidence, ...judged }
}

/** The data plane went away while it was measured: every flow ended with it. */
function ended(provenance: SampleProvenance, { from, to, number }: Repetition, reason: string): Sample {
  const flows = Array.from({ length: provenance.flowsAsked }, (_, index) => ({
    name: `flow ${index + 1}`,
    from: from.name,
    to: to.name,
    faults: [reason],
  }))
  return { ...provenance, repetition: number, state: 'unusable', flows, faults: [reason] }
}
