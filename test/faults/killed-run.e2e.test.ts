/** A run that is killed anywhere: at each step of its journal, and again while that is put back. */
import { describe, expect, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import { dpbenchBin, Project } from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { countLines, everyPoint, killAt, type Start, spread } from './support/killing.ts'

/** All points with `npm run test:faults`; a few of them otherwise. */
const most = process.env['DPBENCH_TEST_FAULTS'] === 'all' ? Number.POSITIVE_INFINITY : 3

describe.skipIf(whyNoLab.length > 0)('a run that is killed', { timeout: 7_200_000 }, () => {
  const lab = useLab({ withoutImage: true })

  test('anywhere leaves nothing that clean-up or the next run does not find', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const config = ['--env-config-file', project.configFile]
    const run: Start = (env) =>
      project.startNode(
        [dpbenchBin, 'run', ...config, '--mode', 'offload', '--verdict', 'mean', '-t', 'IPv4 between hypervisors'],
        env,
      )
    const cleanUp: Start = (env) => project.startNode([dpbenchBin, 'provision', '--clean-up', ...config], env)

    const points = everyPoint(await countLines(run))
    expect(points.length).toBeGreaterThan(20)
    await expectAsBefore(lab, before)
    const chosen = spread(points, most)
    for (const [index, point] of chosen.entries()) {
      expect(await killAt(run, point), JSON.stringify(point)).toBe(true)
      const left = await project.pending()
      // clean-up is killed too, at one of its own lines, which are as many as there are steps to put back
      const again = left.length > 0 && (await killAt(cleanUp, { line: 1 + (index % left.length), side: point.side }))
      const { status, text } = await cleanUp({}).ended
      console.log(JSON.stringify(point), left.length, again, status)
      expect(status, text).toBe(0)
      expect(await project.pending(), text).toEqual([])
      await expectAsBefore(lab, before)
    }
  })
})
