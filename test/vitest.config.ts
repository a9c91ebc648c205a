import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// part of the names of labs: the same in the main process, which takes them down, and in its workers
process.env['DPBENCH_TEST_RUN'] ??= String(process.pid)

const units = 'test/**/*.test.ts'
const endToEnd = 'test/**/*.e2e.test.ts'
/** They measure for the figures' sake, or look at the whole machine: nothing else may run meanwhile. */
const alone = [
  'test/e2e/both-modes.e2e.test.ts',
  'test/e2e/full-path.e2e.test.ts',
  'test/lab/accelerator.e2e.test.ts',
  'test/lab/interrupted.test.ts',
  'test/lab/namespace-lab.test.ts',
  'test/lab/softplane.e2e.test.ts',
]
/** `npm test` sets it where no lab can be. */
const withoutLab = process.env['DPBENCH_TEST_WITHOUT_LAB'] === '1'
const inPairs = Math.min(2, availableParallelism())

/** dpbench's own tests. The suites of benchmark/ have the configuration at the root. */
export default defineConfig({
  test: {
    reporters: ['verbose'],
    projects: [
      // they wait more than they work, and one of them builds the guest image meanwhile
      project('units', { include: [units], exclude: [endToEnd, ...alone], maxWorkers: inPairs + 1 }),
      project('alone', { include: alone, exclude: withoutLab ? [endToEnd] : [], maxWorkers: 1 }),
      project('end-to-end', {
        include: withoutLab ? [] : [endToEnd],
        exclude: alone,
        // each worker has a lab of its own; with three, the cores are idle 0 to 3 % of the time
        maxWorkers: inPairs + 1,
      }),
    ].map((each, groupOrder) => ({ test: { ...each, sequence: { groupOrder } } })),
  },
})

function project<T extends object>(name: string, settings: T) {
  return {
    root: `${import.meta.dirname}/..`,
    name,
    globalSetup: ['test/e2e/global-setup.ts'],
    // for what hangs: a shared machine may take the half of our cores away, for minutes
    testTimeout: 60_000,
    hookTimeout: 240_000,
    ...settings,
  }
}
