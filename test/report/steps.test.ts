/** From what is told of steps to the timeline in a record. */
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { stepLog, takeSteps } from '../../src/report/step-log.ts'
import { type StepEntry, StepRecorder, cleanCut, cutInTheMiddle } from '../../src/report/step-recorder.ts'
import { keptOutputCharacters, type StepRecord, stepSchema } from '../../src/report/step-schema.ts'
import { mostSteps, parseEntries, stepsOf, timelineOf } from '../../src/report/steps.ts'
import { scratchFolder } from '../scratch-folder.ts'

const at = (ms: number): string => new Date(1_763_000_000_000 + ms).toISOString()
const step = (startMs: number, changes: Partial<StepRecord> = {}): StepRecord => ({
  machine: 'vm1',
  kind: 'command',
  name: 'ss -Hltn',
  startedAt: at(startMs),
  durationMs: 10,
  outcome: 'ok',
  ...changes,
})

function recorder(changes = {}): { entries: StepEntry[]; recorder: StepRecorder } {
  const entries: StepEntry[] = []
  const made = new StepRecorder({
    mode: 'offload',
    secrets: ['hunter2hunter2'],
    write: (entry) => void entries.push(entry),
    ...changes,
  })
  return { entries, recorder: made }
}

test('a step has machine, mode, test, times and output, and is valid in a record', () => {
  const phases: unknown[] = []
  const { entries, recorder: made } = recorder({ onPhase: (phase: unknown) => void phases.push(phase) })
  const opening = made.observe({ machine: 'controller', kind: 'phase', name: 'open' })
  made.during({ suite: 'vm2vm', name: 'IPv4' })
  made.observe({ machine: 'vm1', kind: 'command', name: 'true' })({
    outcome: 'ok',
    exitStatus: 0,
    output: ' \n',
  })
  made.during(undefined)
  opening({ outcome: 'failed', output: 'no route' })
  const steps = stepsOf(entries)
  for (const each of steps) stepSchema.parse(each)
  expect(steps).toMatchObject([
    { machine: 'controller', mode: 'offload', kind: 'phase', outcome: 'failed', output: 'no route' },
    { machine: 'vm1', test: { suite: 'vm2vm', name: 'IPv4' }, outcome: 'ok', exitStatus: 0 },
  ])
  expect(steps[0]).not.toHaveProperty('test')
  expect(steps[1]).not.toHaveProperty('output')
  expect(phases).toEqual([
    { id: 0, name: 'open', state: 'begun' },
    { id: 0, name: 'open', state: 'ended' },
  ])
})

test('secrets are in neither name nor output, also where a long output is cut', () => {
  const { entries, recorder: made } = recorder()
  const hash = '$6$saltsalt$abcdefghijklmnop'
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'A1b2C3d4'.repeat(400)}\n-----END OPENSSH PRIVATE KEY-----`
  for (const where of [0, 1900, 1990, 2000, 5000, 90_000, 98_000, 99_990]) {
    const noise = 'n'.repeat(100_000)
    for (const secret of ['hunter2hunter2', hash, key, '--password=letmein99']) {
      const output = `${noise.slice(0, where)} ${secret} ${noise.slice(where)}`
      made.observe({ machine: 'vm1', kind: 'command', name: `login ${secret}` })({ outcome: 'ok', output })
    }
  }
  const text = JSON.stringify(entries)
  for (const piece of ['hunter2', 'saltsalt', 'A1b2C3d4', 'letmein'])
    expect(text.includes(piece), piece).toBe(false)
  for (const each of stepsOf(entries)) expect(each.output!.length).toBeLessThanOrEqual(keptOutputCharacters)
})

test('a text is cut in the middle, to the limit, and says how much is gone', () => {
  const text = `begin${'.'.repeat(9990)}final`
  const cut = cutInTheMiddle(text, 1000)
  expect(cut.length).toBeGreaterThan(990)
  expect(cut.length).toBeLessThanOrEqual(1000)
  expect(cut).toMatch(/^begin.*final$/s)
  const [, gone] = /… (\d+) characters are not kept …/.exec(cut)!
  expect(cut.replace(/\n….*…\n/, '').length + Number(gone)).toBe(text.length)
  expect(cleanCut('short', 1000, [])).toBe('short')
})

test('what is done when the process is killed is on disk, ended by the kill', async () => {
  const folder = scratchFolder()
  const script = `
    import { stepLog } from '${import.meta.dirname}/../../src/report/step-log.ts'
    import { StepRecorder } from '${import.meta.dirname}/../../src/report/step-recorder.ts'
    const { observe } = new StepRecorder({ mode: 'offload', secrets: [], write: stepLog('${folder}', 'offload') })
    observe({ machine: 'controller', kind: 'phase', name: 'repetition 1' })
    observe({ machine: 'vm1', kind: 'command', name: 'ss' })({ outcome: 'ok', exitStatus: 0 })
    observe({ machine: 'vm1', kind: 'command', name: 'iperf3 -s' })
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1200)`
  const { signal } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script])
  expect(signal).toBe('SIGKILL')
  const [file] = readdirSync(folder)
  expect(file).toBe('.steps-offload.jsonl')
  expect(statSync(join(folder, file!)).mode & 0o777).toBe(0o600)
  const steps = await takeSteps(folder)
  expect(steps).toMatchObject([
    { name: 'repetition 1', outcome: 'aborted' },
    { name: 'ss', outcome: 'ok' },
    { name: 'iperf3 -s', outcome: 'aborted' },
  ])
  expect(readdirSync(folder)).toEqual([])
})

test('a line that was cut short by a kill is not an entry', () => {
  const { entries, recorder: made } = recorder()
  made.observe({ machine: 'vm1', kind: 'command', name: 'a' })({ outcome: 'ok' })
  const line = JSON.stringify(entries[0])
  expect(parseEntries(`${line}\n${line.slice(0, 20)}`)).toEqual(entries)
  expect(parseEntries('')).toEqual([])
})

test('the logs of both modes are one timeline, in the order of time', async () => {
  const folder = scratchFolder()
  for (const mode of ['non-offload', 'offload']) {
    const { observe } = new StepRecorder({ mode, secrets: [], write: stepLog(folder, mode, expect.fail) })
    observe({ machine: 'vm1', kind: 'command', name: 'a' })({ outcome: 'ok' })
    await delay(5)
  }
  expect(timelineOf(await takeSteps(folder)).map(({ mode }) => mode)).toEqual(['non-offload', 'offload'])
})

test('polling is one step with a count and its last output; two looks are two, as are those that came out otherwise', () => {
  const polling = Array.from({ length: 8 }, (_, index) =>
    step(index * 1000, { machine: 'vm2', outcome: index < 7 ? 'failed' : 'ok', output: `look ${index}` }),
  )
  // three traffic runs in a row are three
  const long = { name: 'iperf3', durationMs: 4000 }
  const runs = [step(30_000, long), step(34_500, long), step(39_000, long)]
  const other = [step(0), step(500), step(9000), step(20_000), ...runs]
  const steps = timelineOf([...polling, ...other])
  expect(steps.filter(({ machine }) => machine === 'vm2')).toEqual([
    step(0, { machine: 'vm2', outcome: 'failed', output: 'look 6', count: 7, durationMs: 6010 }),
    step(7000, { machine: 'vm2', output: 'look 7' }),
  ])
  expect(steps.filter(({ machine }) => machine === 'vm1')).toEqual(other)
})

test('its number is bounded; phases and what did not go well stay', () => {
  const many = Array.from({ length: mostSteps + 100 }, (_, index) =>
    step(index * 10_000, { name: `n ${index}` }),
  )
  const last = step(mostSteps * 20_000, { name: 'the end', outcome: 'failed' })
  const steps = timelineOf([...many, last])
  expect(steps).toHaveLength(mostSteps)
  expect(steps.at(-2)).toEqual(last)
  expect(steps.at(-1)?.name).toBe('102 more steps are not kept')
  expect(timelineOf(many.slice(0, mostSteps))).toHaveLength(mostSteps)
})

test('its outputs are bounded; that of a failure stays whole', () => {
  const output = 'x'.repeat(keptOutputCharacters)
  const many = Array.from({ length: 1000 }, (_, index) =>
    step(index * 10_000, { name: `n ${index}`, output }),
  )
  const last = step(1e8, { outcome: 'failed', output })
  const steps = timelineOf([...many, last])
  expect(steps[0]?.output).toBe(output)
  expect(steps.at(-1)?.output).toBe(output)
  expect(JSON.stringify(steps).length).toBeLessThan(800_000)
})
