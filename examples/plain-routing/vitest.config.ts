import { dpbench } from 'dpbench/plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({ plugins: [dpbench()] })
