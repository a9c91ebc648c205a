/**
 * Killed anywhere: a run and provisioning, at each of their steps, and clean-up after them at its own. Only the whole bench has the
 * time for it; `npm test` kills a run, provisioning and the lab where most is to be put back.
 */
import { describe, expect } from 'vitest'
import { buildGuestImage } from '../../lab/image/build.ts'
import { whyNoLab } from '../lab/support.ts'
import { type TestLab, useLab } from '../e2e/support/lab.ts'
import { dpbenchBin, Project } from '../e2e/support/project.ts'
import { expectAsBefore, type Snapshot } from '../e2e/support/snapshot.ts'
import { countSteps, killAt, type Killable, killPoints, pointText } from './support/killing.ts'
import { benchSize, property, type Tally } from './support/property.ts'

const hour = 3_600_000

/** Kills `program` at each point; clean-up is killed as well, at a step of its own, before it may come to its end. */
async function killedAndCleanedUp(
  tally: Tally,
  lab: TestLab,
  project: Project,
  program: Killable,
  before: Snapshot,
): Promise<void> {
  const cleanUp: Killable = {
    argv: project.cleanUpArgv,
    cwd: project.folder,
    steps: 'lines',
  }
  const cleaned = async (): Promise<void> => {
    const { status, text } = await project.cleanUp()
    expect(status, text).toBe(0)
    expect(await project.pending(), text).toEqual([])
    await expectAsBefore(lab, before)
  }
  const steps = await countSteps(program)
  await cleaned()
  expect(steps).toBeGreaterThan(5)
  for (const [index, point] of killPoints(steps, tally.wanted).entries()) {
    await tally.try(pointText(point), async () => {
      expect(await killAt(program, point), 'it was killed').toBe(true)
      const left = await project.pending()
      if (left.length > 0) {
        const within = { step: 1 + (index % left.length), side: point.side }
        expect(await killAt(cleanUp, within), 'clean-up was killed').toBe(true)
      }
      await cleaned()
      return []
    })
  }
}

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('killed at each step', () => {
  describe('of a run', () => {
    const lab = useLab({ withoutImage: true })

    property(
      'what a killed run left, a killed clean-up and the next find',
      { counted: 'kills', quick: 0, whole: 10_000, timeoutMs: hour },
      async (tally) => {
        const project = await Project.create(lab)
        const options = ['--mode', 'offload', '--verdict', 'mean', '-t', 'IPv4 between hypervisors']
        const program: Killable = {
          argv: [dpbenchBin, 'run', '--env-config-file', project.configFile, ...options],
          cwd: project.folder,
          steps: 'lines',
        }
        await killedAndCleanedUp(tally, lab, project, program, await lab.snapshot())
      },
    )
  })

  describe('of provisioning', () => {
    const lab = useLab({ guests: 'qemu' })

    property(
      'what killed provisioning left, a killed clean-up and the next find',
      { counted: 'kills', quick: 0, whole: 10_000, timeoutMs: 2 * hour },
      async (tally) => {
        const { path } = await buildGuestImage({ log: () => undefined })
        const project = await Project.create(lab)
        const program: Killable = {
          argv: [dpbenchBin, 'provision', '--env-config-file', project.configFile, '--disk-template', path],
          cwd: project.folder,
          steps: 'lines',
        }
        await killedAndCleanedUp(tally, lab, project, program, await lab.snapshot())
      },
    )
  })
})
