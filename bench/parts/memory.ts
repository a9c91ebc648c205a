/** The memory of the runner, and how it grows with the time that is measured. */
import { join } from 'node:path'
import { runLocally } from '../../src/core/local-command.ts'
import { parseJson } from '../../src/core/json.ts'
import type { MemoryResult } from '../memory-runner.ts'
import { type Part, atMost } from '../part.ts'
import type { Stage } from '../stage.ts'

const program = join(import.meta.dirname, '../memory-runner.ts')
const hosts = 32

async function runner(stage: Stage, seconds: number): Promise<MemoryResult> {
  const folder = join(await stage.folder(), 'results')
  const argv = [process.execPath, '--expose-gc', program, String(hosts), String(seconds), folder]
  const { stdout } = await runLocally(argv, { signal: stage.signal, timeoutMs: 600_000 })
  return parseJson(stdout) as MemoryResult
}

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'memory',
    what: `the runner with ${hosts} hosts and 1 h of samples, at its most`,
    against: 'nothing',
    unit: 'MB',
    rounds: 3,
    reach: atMost(300, 'MB'),
    async prepare(stage) {
      const grown: number[] = []
      return {
        async ours() {
          const { heap, peakMegabytes } = await runner(stage, 3600)
          grown.push(heap.at(-1)![1] - heap[0]![1])
          return peakMegabytes
        },
        checks: () => [
          {
            name: 'what its heap has more after the hour than after 6 min: the figures that the record must have',
            value: Math.max(...grown),
            unit: 'MB',
            limit: 40,
          },
        ],
        notes: [
          `the product's own samplers, counting, step log, recorder and reports, with Vitest loaded, on hosts whose answers are made up (8 cores, a point a second each); an hour passes in seconds`,
        ],
      }
    },
  },
  {
    kind: 'growth',
    name: 'growth-hour',
    what: `the runner's CPU time with ${hosts} hosts`,
    axis: 'seconds of samples',
    unit: 's',
    sizes: [900, 1800, 3600, 7200],
    rounds: 3,
    async prepare(stage) {
      return { cost: async (size) => (await runner(stage, size)).cpuSeconds }
    },
  },
]
