/** Time goes wrong while it is measured: the controller's clock jumps, the management link takes its time. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import type { EditableConfig } from '../e2e/support/project.ts'
import { faultWhileMeasuring } from './support/measuring.ts'
import { benchSize, property } from './support/property.ts'
import { slowLink } from './support/slow-link.ts'

const hour = 3_600_000

describe.skipIf(whyNoLab.length > 0 || benchSize === 'quick')('time', () => {
  const lab = useLab()

  property(
    'a wall clock that jumps while it is measured changes no figure, duration or deadline',
    { counted: 'jumps', quick: 0, whole: 3, timeoutMs: 360_000 },
    async (tally) => {
      for (const jumpMs of [3 * hour, -3 * hour, 24 * 365 * hour])
        await tally.try(`by ${jumpMs / hour} h`, async () => {
          const env: NodeJS.ProcessEnv = {}
          await faultWhileMeasuring(lab, {
            env,
            prepare: async ({ folder }) => {
              const preload = join(import.meta.dirname, 'support/clock-jump.ts')
              env['NODE_OPTIONS'] = `--import=${preload}`
              env['DPBENCH_TEST_CLOCK'] = join(folder, 'clock')
            },
            plant: async ({ project }) => writeFileSync(join(project.folder, 'clock'), String(jumpMs)),
            expected: { status: 0, says: [/PASS: /], withinMs: 60_000, verdict: 'PASS' },
            async check(project, record) {
              const begun = Date.parse(record!.startedAt)
              const ended = Date.parse(record!.finishedAt!)
              expect(Math.abs(ended - begun - jumpMs), 'the clock has jumped').toBeLessThan(120_000)
              const durations = [...record!.steps, ...record!.tests].map(({ durationMs }) => durationMs)
              expect(durations.filter((ms) => ms < 0 || ms > 120_000)).toEqual([])
              for (const { repetitions } of record!.tests)
                for (const sample of repetitions)
                  if (sample.state === 'measured') expect(sample.window.seconds).toBeCloseTo(6, 0)
              expect(await project.resultFile('report.html')).not.toMatch(/took (-|3 h|1 d|8760|3:)/)
            },
          })
          return []
        })
    },
  )

  property(
    'a management link with 2 s to a round trip: measured to its end, without a false deadline',
    { counted: 'runs', quick: 0, whole: 1, timeoutMs: 1_500_000 },
    async (tally) => {
      await tally.try('2 s', async () => {
        const [first, second] = await Promise.all(
          lab.description.hypervisors.map(({ address, port }) => slowLink(address, port, 1000)),
        )
        await using _ = first!
        await using __ = second!
        await faultWhileMeasuring(lab, {
          edit(config: EditableConfig) {
            config.hypervisors[0].host_address = '127.0.0.1'
            config.hypervisors[0].port = first!.port
            config.hypervisors[1].host_address = '127.0.0.1'
            config.hypervisors[1].port = second!.port
          },
          when: async () => undefined,
          plant: async () => undefined,
          expected: { status: 0, says: [/PASS: /], withinMs: 1_200_000, verdict: 'PASS' },
        })
        return []
      })
    },
  )
})
