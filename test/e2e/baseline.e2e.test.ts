/** A baseline is kept, held, and missed: a regression that is planted is measured again and fails the run; quarantine excuses it. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Baseline } from '../../src/report/baseline.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, stackTrace } from './support/project.ts'

// two repetitions are too few for an interval: the mean decides
const oneScenario = ['--mode', 'offload', '-t', 'IPv4 on one hypervisor', '--verdict', 'mean'] as const
/** One flow, so that on a busy machine no flow waits for another. */
const shortest = (config: EditableConfig): void => {
  config.concurrent_flow_count = 1
  Object.assign(config.measurement, {
    kept_seconds: 2, // in one second, what a busy core holds back is more than the gap allows
    warm_up_seconds: 1,
    warm_down_seconds: 0,
    repetitions: { min: 2, max: 2 },
  })
}

describe.skipIf(whyNoLab.length > 0)('a baseline', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('of one run is held by the next, and a regression against it is seen twice: exit 1', async () => {
    const project = await Project.create(lab, { edit: shortest })
    const saved = await project.run(...oneScenario, '--save-baseline', 'main')
    expect(saved.status, saved.text).toBe(0)
    expect(saved.text).toMatch(/baseline main of \d{4}-\d\d-\d\d: 1 figures? kept in .*baselines\/main\.json/)
    const file = join(project.folder, 'baselines/main.json')
    const baseline = JSON.parse(await readFile(file, 'utf8')) as Baseline
    expect(baseline.traits.hosts['vm1 kernel']).toBeTruthy()
    expect(baseline.dataPlanes[0]!.digest).toMatch(/sha256:[0-9a-f]{64}$/)

    // ten times as much, and so often that two repetitions are enough against it: no machine is that noisy
    const much = (value: number): number[] => Array.from({ length: 20 }, (_, index) => value * (10 + index))
    const figures = baseline.figures.map((each) => ({ ...each, values: much(each.values[0]!) }))
    await writeFile(file, JSON.stringify({ ...baseline, figures }))
    await project.writeConfig(lab, (config) => {
      shortest(config)
      config.expected_throughput.hw.local_vm2vm = 0.02 // changes no figure, and so not what is compared
      config.quarantine = [
        { test: 'IPv4 on one hypervisor', issue: 'https://issues.example/1', until: '2020-01-01' },
      ]
    })
    const worse = await project.run(...oneScenario, '--baseline', 'main', '--save-baseline', 'main')
    expect(worse.status, worse.text).toBe(1)
    expect(worse.text).toMatch(/a regression; measuring again/)
    expect(worse.text).toMatch(
      /REGRESSION against baseline main of .* p=0\.009, n=20 and 2: a regression; seen again: /,
    )
    expect(worse.text).toContain('its quarantine ended on 2020-01-01: https://issues.example/1')
    expect(worse.text).toContain('baseline main was not saved: IPv4 on one hypervisor is a regression')
    expect(worse.text).not.toMatch(stackTrace)
    const [failed] = (await project.record()).tests
    expect(failed!.baselines).toMatchObject([{ baseline: 'main', state: 'regression' }])
    expect(failed!.result).toMatchObject({ state: 'failed', verdict: { state: 'PASS' } })
    expect(await project.resultFile('junit.xml')).toMatch(/<failure message="REGRESSION/)
  })
})
