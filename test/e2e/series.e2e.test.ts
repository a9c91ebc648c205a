/** A series of runs on real machines: without thresholds, killed, gone on with, interrupted, and everything put back. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { waitFor } from '../../src/core/wait.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

describe.skipIf(whyNoLab.length > 0)('calibrate', { timeout: 480_000 }, () => {
  const lab = useLab()

  test('goes on after SIGKILL and ends at Ctrl-C, with its runs kept and the machines as before', async () => {
    const project = await Project.create(lab, {
      edit: (config) => {
        config.expected_throughput = { sw: {}, hw: {} } // nothing is known yet
        config.measurement = {
          ...config.measurement,
          kept_seconds: 2,
          warm_up_seconds: 0,
          warm_down_seconds: 0,
        }
      },
    })
    const before = await lab.snapshot()
    const begin = ['--mode', 'offload', '--tag', 'cal', '-t', 'IPv4 on one hypervisor']
    const calibrate = (...argv: string[]) => project.startNode([dpbenchBin, 'calibrate', ...argv])

    const killed = calibrate(...begin, '--env-config-file', project.configFile)
    await killed.shows(/run 2 of 10; about .* left[^]*▶/, 240_000)
    expect(killed.text).toMatch(/│ {3}measured: \d[\d.]* ± \d[\d.]* Gbit\/s, n=2/)
    killed.child.kill('SIGKILL')
    await killed.ended
    // nobody is left to end the run: it does so itself
    await waitFor(
      async () => {
        const pending = await project.pending()
        const log = await readFile(join(project.folder, 'results/cal/run-02/run.json'), 'utf8').catch(
          () => '',
        )
        return pending.length === 0 && log.includes('"interruptedBy": "SIGTERM"')
          ? { state: 'ready', value: undefined }
          : { state: 'pending', seen: pending.join(', ') }
      },
      { what: 'the run of a series that died to put everything back', timeoutMs: 30_000 },
    )

    const resumed = calibrate('--resume', 'results/cal')
    await resumed.shows(/run 2 of 10; about .* left[^]*▶/, 240_000)
    expect(resumed.text).not.toContain('run 1 of 10')
    resumed.signalGroup('SIGINT')
    const { status, text } = await resumed.ended
    expect(status, text).toBe(130)
    expect(text).toMatch(
      /run 2 of 10: it was ended by SIGINT, and everything is put back; kept: 1 run in results\/cal; go on with: npx dpbench/,
    )
    expect(text).not.toMatch(stackTrace)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })
})
