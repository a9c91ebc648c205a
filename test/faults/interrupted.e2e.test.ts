/** A run that gets a signal at any moment, and one whose main process dies alone. `npm test` does so where most is to be put back. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import {
  expectPutBack,
  interruptEarly,
  interruptedRun,
  type Moment,
  moments,
} from '../e2e/support/interrupt.ts'
import { useLab } from '../e2e/support/lab.ts'
import { Project } from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { whyNoLab } from '../lab/support.ts'
import { benchSize, property } from './support/property.ts'

/** The worker that holds the machines, as its lease says. */
async function holderOf(project: Project): Promise<number> {
  const lease = await readFile(join(project.folder, '.dpbench/env/lease.json'), 'utf8')
  return (JSON.parse(lease) as { pid: number }).pid
}

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('a run that is interrupted', () => {
  const lab = useLab({ withoutImage: true })
  const timeoutMs = 1_800_000

  property(
    'a signal to a run, or to all its processes, at any moment: everything is put back, and the exit code tells of it',
    { counted: 'signals', quick: 0, whole: 28, timeoutMs },
    async (tally) => {
      const before = await lab.snapshot()
      for (const moment of Object.keys(moments) as Moment[])
        for (const signal of ['SIGINT', 'SIGTERM'] as const)
          for (const whom of ['main process', 'process group'] as const)
            await tally.try(`${signal} to the ${whom} while ${moment}`, async () => {
              const project = await Project.create(lab)
              const running = project.start(...interruptedRun)
              await moments[moment](running)
              if (whom === 'main process') running.child.kill(signal)
              else running.signalGroup(signal)
              await expectPutBack(project, running, signal === 'SIGINT' ? 130 : 143)
              await expectAsBefore(lab, before)
              return []
            })
      for (let afterMs = 50; tally.tried < tally.wanted; afterMs += 180)
        await tally.try(`SIGINT after ${afterMs} ms`, async () => {
          await interruptEarly(await Project.create(lab), afterMs)
          await expectAsBefore(lab, before)
          return []
        })
    },
  )

  property(
    'SIGKILL to the main process alone: the worker does not stay behind, and the next run puts back what is left',
    { counted: 'kills', quick: 0, whole: 4, timeoutMs },
    async (tally) => {
      const before = await lab.snapshot()
      for (const moment of ['deploying', 'preparing guests', 'measuring', 'measuring'] as const)
        await tally.try(`while ${moment}`, async () => {
          const project = await Project.create(lab)
          const running = project.start(...interruptedRun)
          await moments[moment](running)
          const worker = await holderOf(project)
          running.child.kill('SIGKILL')
          await running.ended
          await waitFor(
            async () => {
              const alive = await readFile(`/proc/${worker}/stat`, 'utf8').catch(() => undefined)
              return alive === undefined || / Z /.test(alive)
                ? { state: 'ready', value: undefined }
                : { state: 'pending', seen: alive }
            },
            { what: 'the worker to end', timeoutMs: 30_000 },
          )
          // puts back what is left before it fails for want of its image
          const missing = `${lab.description.registry}/no:image`
          const next = await project.run('--mode', 'offload', '--docker-image', missing)
          expect(next.status, next.text).toBe(3)
          expect(next.text).toContain('cannot pull')
          expect(await project.pending()).toEqual([])
          await expectAsBefore(lab, before)
          return []
        })
    },
  )
})
