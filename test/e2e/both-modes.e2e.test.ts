/** The main path: both modes in one run, and every trace of it gone afterwards. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { Project, stackTrace } from './support/project.ts'
import { expectTimeline, withHiddenValues } from './support/timeline.ts'
import { expectAsBefore } from './support/snapshot.ts'

describe.skipIf(whyNoLab.length > 0)('a run in both modes', { timeout: 900_000 }, () => {
  const lab = useLab({ unlimited: true }) // the modes differ by what they can do

  test('gives verdicts of each, names only files that are there, and leaves nothing', async () => {
    const project = await Project.create(lab, { edit: withHiddenValues })
    const before = await lab.snapshot()

    const running = project.start(
      'vm2vm',
      '--mode',
      'both',
      '--tag',
      'both',
      '--verdict',
      'mean',
      '-t',
      'between hypervisors',
    )
    await running.shows(/▶ non-offload/, 480_000)
    const argumentsOf = (): Promise<string> =>
      lab.shell(
        'hypervisor-1',
        "docker inspect --format '{{json .Args}} {{json .Config.Labels}}' dpservice_hypervisor-1",
      )
    const container = await waitFor(
      async () => {
        const text = await argumentsOf()
        return text.includes('"dpbench.mode":"non-offload"')
          ? { state: 'ready', value: text }
          : { state: 'pending' }
      },
      { what: 'the container of the second mode', timeoutMs: 30_000 },
    )
    const { status, text } = await running.ended

    expect(text).not.toMatch(stackTrace)
    expect(status, text).toBe(0)
    expect(container).toContain('"--no-offload"')
    expect(text.match(/^ {2}PASS: .*Gbit\/s ≥ /gm), text).toHaveLength(4)
    expect(text.indexOf('▶ offload')).toBeLessThan(text.indexOf('▶ non-offload'))

    const all = await project.record()
    const record = { ...all, tests: all.tests.filter(({ result }) => result.state !== 'skipped') }
    expect(record.tests).toHaveLength(4)
    expect(record.outcome).toMatchObject({ exitCode: 0, counts: { passed: 4, failed: 0, skipped: 4 } })
    expect(record.dataPlanes.map(({ mode, machine }) => `${mode} ${machine}`).sort()).toEqual([
      'non-offload hypervisor-1',
      'non-offload hypervisor-2',
      'offload hypervisor-1',
      'offload hypervisor-2',
    ])
    for (const { name, folder, artifacts } of record.tests) {
      for (const file of [folder!, ...artifacts]) {
        expect(existsSync(join(project.results, file)), `${name}: ${file}`).toBe(true)
      }
      expect(existsSync(join(project.results, folder!, 'SUCCESS')), name).toBe(true)
      expect(artifacts.length, name).toBeGreaterThanOrEqual(12) // two repetitions, three flows, both ends
    }
    const named = /^written: (.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? []
    expect(named.length).toBeGreaterThanOrEqual(3)
    for (const file of named) expect(existsSync(join(project.folder, file)), file).toBe(true)

    expectTimeline(record, await project.resultFile('run.json'))

    for (const { name, mode, repetitions } of record.tests) {
      for (const { modeEvidence } of repetitions)
        expect(modeEvidence, `${name} (${mode})`).toMatchObject({ state: 'proven' })
    }
    expect(text).not.toContain('not proven')

    const mean = (name: string, mode: string): number => {
      const result = record.tests.find((each) => each.name === name && each.mode === mode)?.result
      if (result?.state !== 'judged' || !('statistics' in result.verdict))
        throw new Error(`no figure: ${name}, ${mode}`)
      return result.verdict.statistics.mean
    }
    for (const name of new Set(record.tests.map((each) => each.name))) {
      const ratio = mean(name, 'offload') / mean(name, 'non-offload')
      expect(ratio, name).toBeGreaterThanOrEqual(2)
      expect(text).toMatch(
        new RegExp(`${name} +${ratio.toFixed(2)} × \\((-?[\\d.]+ to [\\d.]+|no interval)\\)`),
      )
    }

    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
