#!/usr/bin/env node
/** The command `dpbench`. */
import { keepCompiled } from './compiled.ts'

keepCompiled()
const { main } = await import('./main.ts')

process.exit(await main(process.argv.slice(2)))
