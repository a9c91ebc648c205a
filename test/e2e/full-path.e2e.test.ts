/** The whole way with emulated VMs, by the commands that a user types: lab, image, provisioning, a verdict, and back. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capabilityFaults } from '../../lab/capable.ts'
import { labPaths } from '../../lab/paths.ts'
import { environmentFolder } from '../../src/config/index.ts'
import { testLabName } from '../lab/support.ts'
import { writeDrivingProject } from './support/driven-vms.ts'
import { measured } from './support/project.ts'
import { parseRecord } from '../../src/report/record.ts'
import { type CommandResult } from '../../src/core/command-result.ts'
import { tryLocally } from '../../src/core/local-command.ts'

interface Settings extends Record<string, unknown> {
  readonly lb: { lb_machines: string[] }
  readonly hypervisors: { vms: { readonly machine_name: string }[] }[]
}

const lab = testLabName('full')
/** The repository: its suites are what runs. */
const root = join(import.meta.dirname, '../..')
const environment = lab
const bin = join(root, 'bin/dpbench.ts')
const faults = capabilityFaults()
if (faults.length > 0) process.stderr.write(`skipped: the full path: ${faults.join(' ')}\n`)

describe.skipIf(faults.length > 0)(
  'from nothing to a verdict with emulated VMs',
  { timeout: 1_200_000 },
  () => {
    let folder: string

    const dpbench = (
      argv: readonly string[],
      timeoutMs = 300_000,
      cwd: string = root,
    ): Promise<CommandResult> => tryLocally([process.execPath, bin, ...argv], { cwd, timeoutMs })
    const succeed = async (...argv: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await dpbench(argv)
      expect(exitCode, `dpbench ${argv.join(' ')}\n${stdout}\n${stderr}`).toBe(0)
      return stdout
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'dpbench-full-path-'))
      await succeed('lab', 'up', '--name', lab, '--guests', 'qemu')
    }, 900_000)
    afterAll(async () => {
      await succeed('lab', 'down', '--name', lab)
      await rm(folder, { recursive: true })
      await rm(environmentFolder(root, environment), { recursive: true, force: true })
    }, 360_000)

    test('lab, image, provisioning, measuring, clean-up', async () => {
      const config = join(folder, `${environment}.json`)
      const settings = JSON.parse(await readFile(labPaths(lab).configFile, 'utf8')) as Settings
      // one on each hypervisor: each boot of an emulated VM is half a minute of CPU time, of two cores
      for (const hypervisor of settings.hypervisors)
        hypervisor.vms = hypervisor.vms.filter(({ machine_name: name }) => name !== 'vm2')
      settings.lb.lb_machines = ['vm3']
      settings['measurement'] = {
        profile: 'quick',
        kept_seconds: 2,
        warm_up_seconds: 1,
        warm_down_seconds: 1,
        gap_seconds: 0,
        repetitions: { min: 2, max: 2 },
        max_cov: 1,
      }
      await writeFile(config, JSON.stringify(settings))
      const chosen = ['--env-config-file', config]

      const early = await dpbench(['run', '--mode', 'offload', ...chosen])
      expect(early).toMatchObject({ exitCode: 2 })
      expect(early.stdout + early.stderr).toMatch(/npm run provision/)

      const image = (await succeed('lab', 'image')).trim()
      const plan = await succeed('provision', '--disk-template', image, '--dry-run', ...chosen)
      for (const word of ['hypervisor-1', 'hypervisor-2', 'vm1', 'vm3', 'define', 'opt/com.coreos/config']) {
        expect(plan).toContain(word)
      }
      const made = await succeed('provision', '--disk-template', image, ...chosen)
      expect(made.match(/: created, 192\.168\.122\.\d+/g)).toHaveLength(2)
      const again = await succeed('provision', '--disk-template', image, ...chosen)
      expect(again.match(/: unchanged, /g)).toHaveLength(2)

      // in a project of a user's, with dpbench's own suite and one that drives the same machines
      await writeDrivingProject(folder, root, environment)
      const options = ['--mode', 'offload', '--verdict', 'mean', '-t', 'IPv4|driven', '--reboot', ...chosen]
      const run = await measured(() => dpbench(['run', ...options], 480_000, folder))
      const file = join(folder, 'results/latest/run.json')
      const record = parseRecord(await readFile(file, 'utf8'), file)
      const judged = record.tests.filter(({ result }) => result.state === 'judged')
      expect(
        judged.map(({ scenario }) => scenario),
        run.stdout,
      ).toEqual(['remote_vm2vm'])
      const driven = record.tests.filter(({ suite }) => suite === 'driven')
      expect(
        driven.map(({ result }) => result.state),
        run.stdout,
      ).toEqual(['passed', 'passed', 'passed', 'passed'])
      for (const { repetitions } of judged)
        for (const { modeEvidence } of repetitions) expect(modeEvidence).toMatchObject({ state: 'proven' })
      const kinds = record.logs.map(({ machine, kind }) => `${machine} ${kind}`)
      for (const vm of ['vm1', 'vm3']) {
        expect(kinds).toContain(`${vm} console`)
        expect(kinds).toContain(`${vm} journal`)
      }
      expect(record.leftovers).toEqual([])
      expect(record.reboots?.map(({ machine }) => machine)).toEqual(['vm1', 'vm3'])
      for (const { machine, bootIdBefore, bootIdAfter, leaseSeconds } of record.reboots ?? []) {
        expect(bootIdAfter).toMatch(/^[0-9a-f-]{36}$/)
        expect(bootIdAfter).not.toBe(bootIdBefore)
        expect(leaseSeconds).toBeGreaterThan(0)
        expect(run.stdout).toMatch(new RegExp(`${machine}: rebooted, SSH back after [\\d.]+ s`))
      }
      expect(run.exitCode, run.stdout).toBe(0)

      await succeed('provision', '--clean-up', ...chosen)
      const left = (await readdir(labPaths(lab).host('hypervisor-1'), { recursive: true })).filter((name) =>
        /\.(qcow2|img|ign)$/.test(name),
      )
      expect(left).toEqual([])
    })
  },
)
