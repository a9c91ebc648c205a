/** Runs that are interrupted where there is most to put back; at every moment: test/faults/interrupted.e2e.test.ts. */
import { describe, expect, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { onlyRecording } from './support/flight.ts'
import { useLab } from './support/lab.ts'
import { expectPutBack, interruptEarly, interruptedRun, moments, nextRun } from './support/interrupt.ts'
import { Project } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

describe.skipIf(whyNoLab.length > 0)('a run that is interrupted', { timeout: 240_000 }, () => {
  const lab = useLab({ withoutImage: true })

  test('Ctrl-C, to the whole process group, while measuring; the next run works, and puts back to its end when it is interrupted at that', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...interruptedRun)
    await moments.measuring(running)
    running.signalGroup('SIGINT')
    await expectPutBack(project, running, 130)
    await expectAsBefore(lab, before)
    expect((await project.record()).interruptedBy).toBe('SIGINT')
    const { index, source } = await onlyRecording(project)
    expect(index).toMatchObject({ occasion: 'the run was interrupted', limitMs: 5000 })
    expect(source('vm1', 'routes').bytes).toBeGreaterThan(0)

    const next = project.start(...nextRun)
    await next.shows(/^ {2}PASS: /m)
    await waitFor(
      async () => {
        const count = await lab.shell('hypervisor-1', 'docker ps -q --filter name=dpservice | wc -l')
        return count.trim() === '0' ? { state: 'ready', value: undefined } : { state: 'pending' }
      },
      { what: 'the clean-up to be under way', timeoutMs: 30_000, intervalMs: 5, maxIntervalMs: 10 },
    )
    next.signalGroup('SIGINT')
    const { status, text } = await next.ended
    expect(status, text).toBe(130)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test.each([50, 700, 1400])('a signal %i ms after its start', async (afterMs) => {
    await interruptEarly(await Project.create(lab), afterMs)
  })

  test('SIGKILL to main process and worker: the next run puts back what they left, then works', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const running = project.start(...interruptedRun)
    await moments.measuring(running)
    running.signalGroup('SIGKILL')
    await running.ended
    const left = (await project.pending()).join('\n')
    for (const what of ['container', 'image', 'route', 'lease of eth1', 'processes'])
      expect(left).toContain(what)
    expect(await lab.shell('hypervisor-1', 'docker ps --format "{{.Names}}"')).toContain(
      'dpservice_hypervisor-1',
    )
    const next = await project.run(...nextRun)
    expect(next.text).toContain('putting back what an earlier run left')
    expect(next.status, next.text).toBe(0)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
