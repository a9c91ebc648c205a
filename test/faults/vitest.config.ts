import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

process.env['DPBENCH_TEST_RUN'] ??= String(process.pid)

const all = 'test/faults/**/*.test.ts'
/** They measure, or look at the whole machine: nothing else may run meanwhile. */
const alone = [
  'test/faults/measuring-*.test.ts',
  'test/faults/resilience.e2e.test.ts',
  'test/faults/away.e2e.test.ts',
  'test/faults/killed-lab.e2e.test.ts',
]
const withoutLab = process.env['DPBENCH_TEST_WITHOUT_LAB'] === '1' ? ['**/*.e2e.test.ts'] : []

/** The whole fault bench: `npm run test:faults`. `npm test` runs the same files in their quick size. */
export default defineConfig({
  test: {
    reporters: ['verbose', 'test/faults/support/reporter.ts'],
    projects: [
      project('input and kills', { include: [all], exclude: [...alone, ...withoutLab], maxWorkers: 2 }),
      project('alone', { include: alone, exclude: withoutLab, maxWorkers: 1 }),
    ].map((each, groupOrder) => ({ test: { ...each, sequence: { groupOrder } } })),
  },
})

function project<T extends object>(name: string, settings: T) {
  return {
    root: join(import.meta.dirname, '../..'),
    name,
    globalSetup: ['test/e2e/global-setup.ts'],
    hookTimeout: 240_000,
    ...settings,
  }
}
