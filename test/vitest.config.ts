import { defineConfig } from 'vitest/config'

/** dpbench's own tests. The suites of benchmark/ have the configuration at the root. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/..`,
    include: ['test/**/*.test.ts'],
    reporters: ['verbose'],
    globalSetup: ['test/e2e/global-setup.ts'],
    // the lab's tests share the machine's cores, and its network
    fileParallelism: false,
    testTimeout: 20_000,
    hookTimeout: 120_000,
  },
})
