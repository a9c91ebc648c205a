/** Reports over many runs, and how large and how slow a page becomes. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runLocally } from '../../src/core/local-command.ts'
import { type Part, atMost, seconds } from '../part.ts'
import { dpbenchBin } from '../project.ts'
import type { Stage } from '../stage.ts'
import { storeRun, storeRuns, usualRun } from '../stored-runs.ts'

const dpbench = ({ signal }: Stage, cwd: string, ...argv: readonly string[]): Promise<number> =>
  seconds(() => runLocally([process.execPath, dpbenchBin, ...argv], { cwd, signal, timeoutMs: 600_000 }))

const megabytes = (bytes: number): number => bytes / 1e6
const sizeOfRuns = (bytes: number, count: number): string =>
  `each of the runs has ${usualRun.scenarios} scenarios of ${usualRun.repetitions} repetitions in two modes and ${usualRun.steps} steps: ${megabytes(bytes / count).toFixed(1)} MB of run.json`

const runs = 100

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'report-runs',
    what: `the report of how ${runs} runs went: \`dpbench history --html\``,
    against: 'nothing',
    unit: 's',
    rounds: 5,
    reach: atMost(5, 's'),
    async prepare(stage) {
      const folder = await stage.folder()
      const bytes = await storeRuns(join(folder, 'runs'), runs)
      return {
        ours: () => dpbench(stage, folder, 'history', 'runs', '--html', 'history.html'),
        checks: async () => [
          {
            name: `the terminal reports of all ${runs}: \`dpbench report\``,
            value: await dpbench(stage, folder, 'report', 'runs'),
            unit: 's',
            limit: 5,
          },
        ],
        notes: [sizeOfRuns(bytes, runs)],
      }
    },
  },
  {
    kind: 'row',
    name: 'html-size',
    what: 'the HTML report of 12 scenarios in both modes',
    against: 'nothing',
    unit: 'MB',
    rounds: 3,
    reach: atMost(2, 'MB'),
    async prepare(stage) {
      const folder = await stage.folder()
      let round = 0
      return {
        async ours() {
          await storeRun(folder, 'run', { ...usualRun, scenarios: 12 }, ++round)
          await dpbench(stage, folder, 'report', 'run', '--format', 'html', '--output', 'page.html')
          return megabytes((await stat(join(folder, 'page.html'))).size)
        },
        notes: [
          'six repetitions of 30 s, three flows, four machines of eight cores, a timeline of 1,500 steps',
        ],
      }
    },
  },
  {
    kind: 'growth',
    name: 'growth-runs',
    what: 'the history of stored runs',
    axis: 'runs',
    unit: 's',
    sizes: [10, 20, 40, 80],
    rounds: 3,
    async prepare(stage) {
      const folder = await stage.folder()
      let bytes = 0
      for (const size of this.sizes) bytes += await storeRuns(join(folder, String(size)), size)
      const all = this.sizes.reduce((sum, size) => sum + size, 0)
      return {
        cost: (size) => dpbench(stage, folder, 'history', String(size), '--html', 'history.html'),
        notes: [sizeOfRuns(bytes, all)],
      }
    },
  },
  {
    kind: 'growth',
    name: 'growth-samples',
    what: 'all reports of one run',
    axis: 'repetitions',
    unit: 's',
    sizes: [48, 96, 192, 384],
    rounds: 3,
    async prepare(stage) {
      const folder = await stage.folder()
      for (const size of this.sizes) {
        const repetitions = size / 2 / usualRun.scenarios
        await storeRun(folder, String(size), { ...usualRun, repetitions })
      }
      return {
        cost: (size) => dpbench(stage, folder, 'report', String(size), '--format', 'all'),
        notes: ['of 8 scenarios in two modes, 37 intervals and as many points of four machines each'],
      }
    },
  },
]
