#!/usr/bin/env node
/** The command `dpbench`. */
import { keepCompiledCode } from './compile-cache.ts'

keepCompiledCode(process.env)
const { main } = await import('./main.ts') // not before: what is loaded until then is compiled each time
process.exit(await main(process.argv.slice(2)))
