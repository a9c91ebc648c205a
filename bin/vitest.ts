#!/usr/bin/env node
/**
 * `npx vitest` in this repository: with an option of dpbench it is `dpbench run`, else it is Vitest itself. Vitest
 * refuses options that it does not know before any plugin is loaded, so this has to come before it.
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepCompiledCode } from './compile-cache.ts'

keepCompiledCode(process.env)
const { main } = await import('./main.ts')
const { isForDpbench } = await import('./run.ts')

const argv = process.argv.slice(2)
if (isForDpbench(argv)) process.exit(await main(['run', ...argv]))
else await import(join(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))), 'vitest.mjs'))
