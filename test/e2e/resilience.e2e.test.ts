/** The resilience suite: what it reports of a link that is out for a second, and that a limit of the config can be missed. */
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

describe.skipIf(whyNoLab.length > 0)('the resilience suite', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('a link that is out for a second: outage and recovery, and a limit that is missed', async () => {
    const project = await Project.create(lab, {
      edit: (config: EditableConfig) => {
        config.expected = {
          hw: {
            outage_link: { at_most: 100, unit: 'ms' },
            recovery_link: { at_most: 20, unit: 's' },
          },
        }
      },
    })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload', '--tags', 'resilience', '-t', 'a link')
    expect(text).toMatch(
      /FAIL: .*: the link of vm1 out for a second, outage: \d\.\d+ .* s > 100 ms expected \(offload, outage_link\)/,
    )
    expect(text).not.toMatch(stackTrace)
    expect(status, text).toBe(1)

    const { tests } = await project.record()
    const [measured] = tests
      .filter(({ result }) => result.state !== 'skipped')
      .flatMap(({ metrics }) => metrics ?? [])
    const figures = new Map(measured?.metrics.map((figure) => [figure.name, figure]))
    const values = (name: string): readonly number[] => figures.get(name)?.statistics.values ?? []
    expect(measured?.metrics.map(({ name, unit }) => `${name} ${unit}`)).toEqual([
      'outage s',
      'recovery s',
      'lost packets',
      'resolution s',
    ])
    for (const [index, outage] of values('outage').entries()) {
      const resolution = values('resolution')[index]!
      expect(outage, 'a second, and what the orders take').toBeGreaterThan(1 - resolution)
      expect(outage).toBeLessThan(6)
      expect(values('recovery')[index]).toBeLessThan(outage)
      expect(values('lost')[index]).toBeGreaterThan(20)
    }
    expect(figures.get('recovery')?.verdict?.state).toBe('PASS')
    await expectAsBefore(lab, before)
  })
})
