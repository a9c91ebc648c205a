/** The suites by Vitest's own program, whose options are variables, and `npx vitest` of this repository. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from './support/lab.ts'
import { Project, foreignEnvironment, stackTrace, vitestBin } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

describe.skipIf(whyNoLab.length > 0)('Vitest itself', { timeout: 360_000 }, () => {
  const lab = useLab()

  test('runs the suites with DPBENCH_* variables and leaves the same record', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const variables = {
      DPBENCH_MODE: 'offload',
      DPBENCH_ENV_CONFIG_FILE: project.configFile,
      DPBENCH_TAG: 'by-variables',
      DPBENCH_VERDICT: 'mean',
    }
    const running = project.startNode([vitestBin, 'run', '-t', 'IPv4 on one hypervisor'], variables)
    const { status, text } = await running.ended
    expect(status, text).toBe(0)
    expect(text).toMatch(/PASS: .*Gbit\/s ≥ /)
    const record = await project.record()
    expect(record).toMatchObject({
      tag: 'by-variables',
      modes: ['offload'],
      outcome: { exitCode: 0, counts: { passed: 1 } },
    })
    expect(await project.resultFile('junit.xml')).toContain('IPv4 on one hypervisor')
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test('says what is wrong without a stack trace: exit 2', async () => {
    const project = await Project.create(lab, { edit: (config) => (config.hypervisrs = []) })
    const variables = { DPBENCH_MODE: 'offload', DPBENCH_ENV_CONFIG_FILE: project.configFile }
    const { status, text } = await project.startNode([vitestBin, 'run'], variables).ended
    expect(status, text).toBe(2)
    expect(text).toContain('hypervisrs')
    expect(text).not.toMatch(stackTrace)
    expect(project.hasResults).toBe(false)
  })

  test('`npx vitest` in this repository is dpbench', async () => {
    const project = await Project.create(lab)
    await writeFile(project.configFile, '{ "key_fil": "x" }')
    const argv = ['npx', '--no-install', 'vitest', '--mode', 'both', '--env-config-file', project.configFile]
    const cwd = join(import.meta.dirname, '../..')
    const { exitCode, stderr } = await tryLocally(argv, { cwd, env: foreignEnvironment() })
    expect(exitCode, stderr).toBe(2)
    expect(stderr).toMatch(/dpbench: .*faults/)
    expect(stderr).toMatch(/key_fil.*key_file/)
    expect(stderr).not.toMatch(stackTrace)
  })
})
