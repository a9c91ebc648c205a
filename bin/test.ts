/**
 * `npm test`: every test of dpbench. On a machine that can host a lab it installs what the lab lacks first; elsewhere it
 * runs the rest and says in one line what was skipped and why. `--require-lab` (CI) does not accept that. `--faults` (`npm run
 * test:faults`) is the fault bench in the place of the tests, whole unless `--quick`.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capabilityFaults } from '../lab/capable.ts'
import { installPackages, labDown } from '../lab/lab.ts'
import { requirements, testRequirements } from '../lab/packages.ts'
import { killMarked } from '../lab/state/processes.ts'
import { labNames } from '../lab/state/state.ts'
import { progress } from './terminal.ts'

const options = ['--require-lab', '--faults', '--quick']
/** In the environment of every process of this run, and at the end of the name of every lab that its tests make. */
const runVariable = 'DPBENCH_TEST_RUN'

const argv = process.argv.slice(2)
const requireLab = argv.includes('--require-lab') || process.env['CI'] === 'true'
const faultBench = argv.includes('--faults')
const limitMinutes = faultBench ? 180 : 60
const chosen = argv.filter((argument) => !options.includes(argument))
const run = String(process.pid)

const faults = capabilityFaults()
if (faults.length === 0) await installPackages(progress, [...requirements, ...testRequirements])
// looked for after that, as it may have come with it
const { browserPath } = await import('../test/report/browser/path.ts')

const temporary = await mkdtemp(join(tmpdir(), 'dpbench-test-'))
const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')
const config = faultBench ? 'test/faults/vitest.config.ts' : 'test/vitest.config.ts'
const size = faultBench && !argv.includes('--quick') ? { DPBENCH_FAULTS: 'whole' } : {}
const without = faults.length === 0 ? {} : { DPBENCH_TEST_WITHOUT_LAB: '1' }
const child = spawn(process.execPath, [vitest, 'run', '--config', config, ...chosen], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, [runVariable]: run, ...size, ...without, TMPDIR: temporary },
})
let ended: NodeJS.Signals | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    ended ??= signal
    child.kill(signal)
  })
}
const timer = setTimeout(() => {
  process.stderr.write(`the tests did not end within ${limitMinutes} minutes and are ended\n`)
  child.kill('SIGKILL')
}, limitMinutes * 60_000)
const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
clearTimeout(timer)
await takeDown()
if (ended) process.exit(ended === 'SIGINT' ? 130 : 143)
const skipped = [
  ...(faults.length > 0 ? [`the end-to-end tests in the lab: ${faults.join(' ')}`] : []),
  ...(browserPath === undefined ? ['the HTML report in a browser: install chromium'] : []),
]
for (const what of skipped) process.stderr.write(`skipped: ${what}\n`)
if (skipped.length > 0 && requireLab) process.exit(2)
process.exit(code ?? 1)

/** Vitest runs no clean-up when it is interrupted: what its tests made is found by this run's marks. */
async function takeDown(): Promise<void> {
  if (faults.length === 0) {
    await killMarked(runVariable, run)
    for (const name of await labNames())
      if (name.startsWith('t-') && name.endsWith(`-${run}`)) await labDown(name)
  }
  await rm(temporary, { recursive: true, force: true })
}
