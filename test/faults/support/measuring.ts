/**
 * A fault while a run measures, in a real lab: a run is started, its measured window waited for, the fault planted, and what the
 * user gets is held against what was promised: exit code, sentence, deadline, verdict in the record, and nothing left behind.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { waitFor } from '../../../src/core/wait.ts'
import type { RunRecord } from '../../../src/report/record.ts'
import { stateOf, type TestState } from '../../../src/report/test-state.ts'
import type { TestLab } from '../../e2e/support/lab.ts'
import {
  dpbenchBin,
  type EditableConfig,
  Project,
  type Running,
  stackTrace,
} from '../../e2e/support/project.ts'
import type { Tally } from './property.ts'
import { expectAsBefore, type Snapshot } from '../../e2e/support/snapshot.ts'

export interface Expected {
  readonly status: number
  /** Each is found in what the run prints: the cause and the machine, in a user's words. */
  readonly says: readonly RegExp[]
  /** None is found there. A stack trace never is. */
  readonly saysNot?: readonly RegExp[]
  /** From the fault to the end of the run, clean-up and all. */
  readonly withinMs: number
  /** Of the run's tests, those that were skipped left out; `none`: the record has no test that ran. Default: not looked at. */
  readonly verdict?: TestState | 'none'
  /** Where it was to be written nothing can be: then it may be missing. */
  readonly recordMayMiss?: boolean
  /** What the machines keep after the run and its fault's end, for clean-up to take back: default nothing. */
  readonly left?: RegExp
}

export interface Planted {
  readonly project: Project
  readonly running: Running
}

export interface FaultWhileMeasuring {
  /** Default: one scenario between hypervisors, vm3 sends to vm1, with the mean for a verdict. */
  readonly argv?: readonly string[]
  readonly edit?: (config: EditableConfig) => void
  readonly suites?: Readonly<Record<string, string>>
  /** Before the run is started. */
  readonly prepare?: (project: Project) => Promise<void>
  /** Of the run's process. */
  readonly env?: NodeJS.ProcessEnv
  /** When to plant. Default: the clients of the first repetition have sent for longer than the warm-up. */
  readonly when?: (planted: Planted) => Promise<void>
  readonly plant: (planted: Planted) => Promise<void>
  /** Takes the fault away. It is called once, after the run's end, or by `plant`'s own care before; also when it was not planted whole. */
  readonly mend?: () => Promise<void>
  readonly expected: Expected
  /** Looks further at what the run left, before anything is mended. */
  readonly check?: (project: Project, record: RunRecord | undefined, text: string) => Promise<void>
}

export const oneScenario = [
  '--mode',
  'offload',
  '--verdict',
  'mean',
  '-t',
  'IPv4 between hypervisors',
] as const

/** Long enough for a fault to be planted inside of it. */
export const longWindow = (config: EditableConfig): void => {
  config.measurement = { ...config.measurement, kept_seconds: 6 }
}

export type NamedFault = FaultWhileMeasuring & { readonly what: string }

/** Each as a try of its own; `DPBENCH_FAULTS_ONLY=frozen` plants those alone whose name it matches. */
export async function plantEach(lab: TestLab, tally: Tally, faults: readonly NamedFault[]): Promise<void> {
  const only = new RegExp(process.env['DPBENCH_FAULTS_ONLY'] ?? '')
  for (const fault of faults.filter(({ what }) => only.test(what)))
    await tally.try(fault.what, async () => {
      await faultWhileMeasuring(lab, fault)
      return []
    })
}

/** A run that does not end at all is given this much beyond its deadline, so that its output tells where it hangs. */
const hangMs = 45_000

/** @throws Error saying what was not as expected; the machines are mended and cleaned up all the same. */
export async function faultWhileMeasuring(lab: TestLab, fault: FaultWhileMeasuring): Promise<void> {
  const { expected, argv = oneScenario } = fault
  const edit = (config: EditableConfig): void => {
    longWindow(config)
    fault.edit?.(config)
  }
  const project = await Project.create(lab, { edit, ...(fault.suites && { suites: fault.suites }) })
  const before = await lab.snapshot()
  await fault.prepare?.(project)
  const command = [dpbenchBin, 'run', '--env-config-file', project.configFile, ...argv]
  const running = project.startNode(command, fault.env)
  const faults: unknown[] = []
  const tried = async (part: () => Promise<unknown> | undefined): Promise<void> => {
    try {
      await part()
    } catch (error) {
      faults.push(error)
    }
  }
  await tried(() => plantedAndEnded(lab, fault, { project, running }))
  if (running.child.exitCode === null && running.child.signalCode === null) running.signalGroup('SIGKILL')
  await running.ended
  await tried(() => fault.mend?.())
  await tried(() => cleanedUp(lab, project, before, expected.left))
  if (faults.length > 0) throw new AggregateError(faults, `${faults.length} expectations do not hold`)
}

async function plantedAndEnded(lab: TestLab, fault: FaultWhileMeasuring, planted: Planted): Promise<void> {
  const { expected } = fault
  const { project, running } = planted
  await (fault.when ?? windowOpen(lab))(planted)
  const plantedAt = performance.now()
  await fault.plant(planted)
  const { status, text } = await endedWithin(running, expected.withinMs + hangMs)
  const tookMs = performance.now() - plantedAt
  if (process.env['DPBENCH_FAULTS_SHOW'])
    process.stderr.write(`\n======== ${status} after ${Math.round(tookMs)} ms\n${text}\n`)
  expect(text).not.toMatch(stackTrace)
  for (const words of expected.says) expect(text).toMatch(words)
  for (const words of expected.saysNot ?? []) expect(text).not.toMatch(words)
  expect(status, text).toBe(expected.status)
  expect(tookMs, `ms from the fault to the end\n${text}`).toBeLessThan(expected.withinMs)
  const record = await recordOf(project, expected)
  if (record || !expected.recordMayMiss)
    expect(record?.outcome.exitCode, 'exit code in the record').toBe(status)
  if (expected.verdict) expect(verdictsOf(record), text).toEqual([expected.verdict])
  await fault.check?.(project, record, text)
}

/** What was left is what was told, clean-up takes it back, and the machines are as before. */
async function cleanedUp(lab: TestLab, project: Project, before: Snapshot, left?: RegExp): Promise<void> {
  const pending = await project.pending()
  if (pending.length > 0) {
    const { status, text } = await project.cleanUp()
    expect(status, text).toBe(0)
    expect(await project.pending(), text).toEqual([])
  }
  await expectAsBefore(lab, before).catch(async (error: unknown) => {
    const lines = differences(before, await lab.snapshot())
    throw new Error(`the machines are not as before:\n${lines.join('\n')}`, { cause: error })
  })
  if (left) expect(pending.join('; ')).toMatch(left)
  else expect(pending, 'left in the journal').toEqual([])
}

/** Line by line, as a fault of the bench is read without the whole snapshot. */
function differences(before: Snapshot, now: Snapshot): string[] {
  return Object.entries(before).flatMap(([machine, kinds]) =>
    Object.entries(kinds).flatMap(([kind, lines]) => {
      const found = now[machine]?.[kind] ?? []
      const say = (sign: string, some: readonly string[]): string[] =>
        some.map((line) => `${sign} ${machine}, ${kind}: ${line}`)
      return [
        ...say(
          '-',
          lines.filter((line) => !found.includes(line)),
        ),
        ...say(
          '+',
          found.filter((line) => !lines.includes(line)),
        ),
      ]
    }),
  )
}

/** The states of the tests that ran, each once. */
async function recordOf(
  project: Project,
  { recordMayMiss = false }: Expected,
): Promise<RunRecord | undefined> {
  if (!project.hasResults) return undefined
  try {
    return await project.record()
  } catch (error) {
    if (recordMayMiss && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function verdictsOf(record: RunRecord | undefined): string[] {
  const states = new Set((record?.tests ?? []).map(({ result }) => stateOf(result)))
  states.delete('SKIPPED')
  return states.size === 0 ? ['none'] : [...states]
}

/** Waits until the clients on `sender` have run longer than the warm-up. */
export function windowOpen(lab: TestLab, sender = 'vm3'): (planted: Planted) => Promise<void> {
  return async ({ running }) => {
    await running.shows(/deployed|repetition|iperf3|▶/, 60_000)
    await waitFor(
      async () => {
        if (running.child.exitCode !== null) return { state: 'failed', reason: `it ended:\n${running.text}` }
        const ages = await lab.shell(sender, 'ps -C iperf3 -o etimes=,args= | grep -- " -c " || true')
        const youngest = Math.min(...ages.trim().split('\n').map(Number.parseFloat))
        return youngest >= 2 ? { state: 'ready', value: undefined } : { state: 'pending', seen: running.text }
      },
      { what: `the measured window on ${sender}`, timeoutMs: 90_000, intervalMs: 50, maxIntervalMs: 200 },
    )
  }
}

async function endedWithin(running: Running, timeoutMs: number): ReturnType<Project['run']> {
  const timer = new AbortController()
  try {
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).then(
      () => undefined,
      () => undefined,
    )
    const ended = await Promise.race([running.ended, late])
    if (!ended) throw new Error(`it hangs: no end ${timeoutMs / 1000} s after the fault:\n${running.text}`)
    return ended
  } finally {
    timer.abort()
  }
}
