/** The doctor in the lab: green where all is well, and each planted fault found, put right, and put back. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { type Diagnosis, type Finding, diagnose, fix, repairsOf, revert } from '../../src/doctor/index.ts'
import { whyNoLab } from '../lab/support.ts'
import { useLab } from '../e2e/support/lab.ts'
import {
  type EditableConfig,
  type Finished,
  Project,
  dpbenchBin,
  stackTrace,
} from '../e2e/support/project.ts'
import { expectAsBefore } from '../e2e/support/snapshot.ts'
import { plantedFaults } from './planted-faults.ts'

/** What the doctor may take, from the issue. */
const limitMs = 10_000
const host = 'hypervisor-2'

/** Leaves the last hypervisor, and no load balancer, whose backends are on both. */
const onlyLast = (config: EditableConfig): void => {
  config.hypervisors = config.hypervisors.slice(1)
  delete config.lb
}

const atFault = ({ findings }: Diagnosis): readonly Finding[] =>
  findings.filter(
    ({ status, machine }) => status === 'fault' || (status === 'warning' && machine !== 'controller'),
  )

describe.skipIf(whyNoLab.length > 0)('the doctor', { timeout: 180_000 }, () => {
  const lab = useLab()

  /** One hypervisor is enough for a fault of one, and halves the time. */
  const projectWith = (edit: (config: EditableConfig) => void = () => undefined): Promise<Project> =>
    Project.create(lab, {
      suites: {},
      edit: (config) => {
        onlyLast(config)
        edit(config)
      },
    })
  const look = (project: Project): Promise<Diagnosis> =>
    diagnose({ file: project.configFile, cwd: project.folder })
  const doctor = (project: Project, ...argv: string[]): Promise<Finished> =>
    project.startNode([dpbenchBin, 'doctor', '--env-config-file', project.configFile, ...argv]).ended

  test('is green in the lab, in less than ten seconds', async () => {
    const project = await Project.create(lab, { suites: {} })
    const { status, text, durationMs } = await doctor(project)
    expect(status, text).toBe(0)
    expect(text).toMatch(/^0 faults, /m)
    expect(text).not.toMatch(stackTrace)
    expect(durationMs).toBeLessThan(limitMs)
    const json = await doctor(project, '--json')
    const { exitCode, findings } = JSON.parse(json.text) as { exitCode: number; findings: Finding[] }
    expect(exitCode).toBe(0)
    expect(atFault({ label: '', findings })).toEqual([])
    expect(new Set(findings.map(({ machine }) => machine))).toEqual(new Set(['controller', ...lab.machines]))
    expect(project.hasState, '.dpbench/').toBe(false)
  })

  test.each(plantedFaults)('finds: $name', async (planted) => {
    const { machine = host, plant = 'true', heal = 'true', edit, finds, look: looking } = planted
    const project = await projectWith(edit as (config: EditableConfig) => void)
    await lab.shell(machine, plant)
    onTestFinished(() => lab.shell(machine, heal).then(() => undefined))
    const diagnosis = await look(project)
    for (const { check, found, advice, status = 'fault' } of finds) {
      const finding = diagnosis.findings.find(
        (each) => each.machine === machine && each.check === check && each.status === status,
      )
      expect(finding, JSON.stringify(diagnosis.findings, undefined, 1)).toBeDefined()
      expect(finding!.found).toMatch(found)
      expect(finding!.advice).toMatch(advice)
    }
    if (looking === undefined) return
    const before = await lab.shell(host, looking)
    const config = diagnosis.config!
    const deps = { cwd: project.folder, log: () => undefined }
    const repairs = repairsOf(diagnosis)
    expect(repairs).not.toEqual([])
    await fix({ config, label: diagnosis.label }, repairs, deps)
    const mended = await look(project)
    expect(atFault(mended)).toEqual([])
    expect(repairsOf(mended)).toEqual([])
    expect(await lab.shell(host, looking)).not.toBe(before)
    const entries = await project.pending()
    expect(entries).toHaveLength(repairs.length)
    await revert({ file: project.configFile, cwd: project.folder }, deps)
    expect(await lab.shell(host, looking)).toBe(before)
    expect(await project.pending()).toEqual([])
  })

  test('finds: a host key that is not the pinned one, and a key with a passphrase', async () => {
    const project = await projectWith((config) => {
      config.hypervisors[0].host_key = lab.description.hypervisors[0]!.hostKey
    })
    const stranger = (await look(project)).findings.find(({ check }) => check === 'host key')
    expect(stranger).toMatchObject({ machine: host, status: 'fault' })
    expect(stranger!.found).toMatch(/presented SHA256:\S+, expected SHA256:/)
    const key = join(project.folder, 'locked')
    await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', 'secret', '-f', key])
    await project.writeConfig(lab, (config) => {
      onlyLast(config)
      config.key_file = key
      config.public_key_file = `${key}.pub`
    })
    const locked = (await look(project)).findings.find(({ check }) => check === 'key files')
    expect(locked).toMatchObject({ machine: 'controller', status: 'fault' })
    expect(locked!.advice).toContain(`ssh-add ${key}`)
  })

  test('faults of a config come all at once, with the controller beside them: exit 2', async () => {
    const project = await projectWith()
    await writeFile(project.configFile, '{ "key_file": "/nowhere/key", "hypervisors": [] }')
    const { status, text } = await doctor(project)
    expect(status, text).toBe(2)
    expect(text).toContain('/nowhere/key')
    expect(text.match(/^ {2}✖ config /gm)!.length).toBeGreaterThanOrEqual(4)
    expect(text).toMatch(/✔ Node /)
  })

  test('--fix shows and asks first; done once, put back exactly, also when it was killed in the middle', async () => {
    const before = await lab.snapshot()
    const project = await projectWith((config) => {
      config.hypervisors[0].vms[0].if_config.bridge = 'br-nothere'
      config.libvirt.network = 'dpbench-absent'
    })
    await lab.shell(host, 'echo 0 > /proc/sys/net/ipv4/ip_forward')
    const planted = await lab.snapshot()
    const shown = await doctor(project, '--fix')
    expect(shown.status, shown.text).toBe(2)
    expect(shown.text).toMatch(/Nothing was done: there is no terminal/)
    expect(shown.text).toMatch(/ip link add br-nothere type bridge/)
    expect(project.hasState, '.dpbench/').toBe(false)

    const killed = project.startNode([
      dpbenchBin,
      'doctor',
      '--env-config-file',
      project.configFile,
      '--fix',
      '--yes',
    ])
    await killed.shows(/dpbench-absent: defined, started/)
    await killed.shows(/ s {2}hypervisor-2: /)
    killed.signalGroup('SIGKILL')
    await killed.ended
    expect((await project.pending()).length).toBeGreaterThan(0)
    const back = await doctor(project, '--revert')
    expect(back.status, back.text).toBe(0)
    await expectAsBefore(lab, planted)

    const done = await doctor(project, '--fix', '--yes')
    expect(done.status, done.text).toBe(0)
    const again = await doctor(project, '--fix', '--yes')
    expect(again.status, again.text).toBe(0)
    expect(again.text).toContain('There is nothing that --fix could put right.')
    expect((await doctor(project, '--revert')).status).toBe(0)
    expect((await doctor(project, '--revert')).text).toContain('nothing to put back')
    await lab.shell(host, 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    await expectAsBefore(lab, before)
  })
})
