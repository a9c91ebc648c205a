import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

process.env['DPBENCH_TEST_RUN'] ??= String(process.pid)

/** The whole fault bench, one part after the other: `npm run test:faults`. `npm test` runs the same files in their quick size. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    exclude: process.env['DPBENCH_TEST_WITHOUT_LAB'] === '1' ? ['**/*.e2e.test.ts'] : [],
    globalSetup: ['test/e2e/global-setup.ts'],
    reporters: ['verbose', 'test/faults/support/reporter.ts'],
    hookTimeout: 240_000,
    maxWorkers: 1,
  },
})
