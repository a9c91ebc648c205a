/**
 * `npm test`: every test of dpbench. On a machine that can host a lab it installs what the lab lacks first; elsewhere it
 * runs the rest and says in one line what was skipped and why. `--require-lab` (CI) does not accept that.
 */
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { capabilityFaults } from '../lab/capable.ts'
import { installPackages } from '../lab/lab.ts'
import { progress } from './terminal.ts'

const limitMinutes = 25
const argv = process.argv.slice(2)
const requireLab = argv.includes('--require-lab') || process.env['CI'] === 'true'
const chosen = argv.filter((argument) => argument !== '--require-lab')

const faults = capabilityFaults()
if (faults.length === 0) await installPackages(progress)

const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')
const only = faults.length === 0 ? [] : ['--exclude', '**/*.e2e.test.ts']
const child = spawn(
  process.execPath,
  [vitest, 'run', '--config', 'test/vitest.config.ts', ...only, ...chosen],
  {
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)
const timer = setTimeout(() => {
  process.stderr.write(`the tests did not end within ${limitMinutes} minutes and are ended\n`)
  child.kill('SIGTERM')
}, limitMinutes * 60_000)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
  child.once('close', (exitCode, endSignal) => resolve([exitCode, endSignal]))
})
clearTimeout(timer)
if (faults.length > 0) {
  process.stderr.write(`skipped: the end-to-end tests in the lab: ${faults.join(' ')}\n`)
  if (requireLab) process.exit(2)
}
process.exit(code ?? (signal === 'SIGINT' ? 130 : 143))
