/** The plugin, for a project's `vitest.config.ts`: `import { dpbench } from 'dpbench/plugin'`. Main process only. */
export { dpbench } from './vitest/plugin.ts'
