/** Killed anywhere: a lab at each program that it starts, and taking it down too. It looks at the whole machine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import { dpbenchBin } from '../e2e/support/project.ts'
import { machineSnapshot, testLabName, whyNoLab } from '../lab/support.ts'
import { countSteps, killAt, type Killable, killPoints, pointText } from './support/killing.ts'
import { benchSize, property } from './support/property.ts'

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('killed at each step of a lab', () => {
  property(
    'what a killed lab left, taking it down finds',
    { counted: 'kills', quick: 0, whole: 10_000, timeoutMs: 3_600_000 },
    async (tally) => {
      const cwd = await mkdtemp(join(tmpdir(), 'dpbench-killed-lab-'))
      onTestFinished(() => rm(cwd, { recursive: true }))
      const name = testLabName('kill')
      const lab = (...argv: string[]): Killable => ({
        argv: [dpbenchBin, 'lab', ...argv],
        cwd,
        steps: 'programs',
      })
      const [up, down] = [lab('up', '--name', name, '--guests', 'namespace'), lab('down', '--name', name)]
      const before = await machineSnapshot(name)
      const steps = await countSteps(up)
      const downSteps = await countSteps(down)
      expect(await machineSnapshot(name)).toEqual(before)
      for (const [index, point] of killPoints(steps, tally.wanted).entries()) {
        await tally.try(pointText(point), async () => {
          expect(await killAt(up, point), 'it was killed').toBe(true)
          // with less to take down it may come to its end before that step
          await killAt(down, { step: 1 + (index % downSteps), side: point.side })
          await countSteps(down)
          expect(await machineSnapshot(name)).toEqual(before)
          return []
        })
      }
    },
  )
})
