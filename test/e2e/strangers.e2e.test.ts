/** Strangers' things survive everything, and a name that somebody else has ends a command before anything is changed. */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { onlyRecording } from './support/flight.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, dpbenchBin, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'
import { plantStrangers } from './support/strangers.ts'

const oneTest = {
  'reach.test.ts': `
import { existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { test } from 'dpbench'
test('reach', async ({ placement, dataplane }) => {
  const { from, to } = placement.acrossHypervisors()
  await dataplane.route(from, to)
  console.log('REACHED')
  if (existsSync('hold')) await setTimeout(60_000)
})`,
}

describe.skipIf(whyNoLab.length > 0)("strangers' things", { timeout: 480_000 }, () => {
  const lab = useLab()

  test('survive a killed run, the run that puts it back, a refused provisioning and a clean-up', async () => {
    const had = (await lab.shell('hypervisor-1', `docker images -q ${lab.description.image!}`)).trim() !== ''
    const strangers = await plantStrangers(lab)
    onTestFinished(async () => {
      await strangers.remove()
      if (had) return
      for (const { name } of lab.description.hypervisors)
        await lab.tryShell(name, `docker rmi ${lab.description.image!}`)
    })
    const before = await lab.snapshot()
    const project = await Project.create(lab, { suites: oneTest })

    await writeFile(join(project.folder, 'hold'), '')
    const killed = project.start('--mode', 'offload')
    await killed.shows(/REACHED|ERROR/)
    expect(killed.text).toContain('REACHED')
    await strangers.expectUntouched()
    killed.signalGroup('SIGKILL')
    await killed.ended
    await rm(join(project.folder, 'hold'))
    const next = await project.run('--mode', 'offload')
    expect(next.text).toContain('putting back what an earlier run left')
    expect(next.status, next.text).toBe(0)
    expect((await project.record()).flights, 'a passing run records nothing').toBeUndefined()
    await expectAsBefore(lab, before)
    await strangers.expectUntouched()

    await project.writeConfig(lab, (env) => {
      for (const vm of env.hypervisors.flatMap(({ vms }: EditableConfig) => vms))
        for (const key of ['host_address', 'mac_address', 'host_key']) delete vm[key]
    })
    const image = join(project.folder, 'disk.img')
    await writeFile(image, Buffer.concat([Buffer.alloc(510), Buffer.from([0x55, 0xaa]), Buffer.alloc(4096)]))
    const config = ['--env-config-file', project.configFile]
    const provision = (...argv: string[]) =>
      project.startNode([dpbenchBin, 'provision', ...config, ...argv]).ended
    const refused = await provision('--disk-template', image)
    expect(refused.status, refused.text).toBe(3)
    expect(refused.text).toContain('Nothing was created')
    expect(refused.text).toContain(
      `hypervisor-1: a domain vm1 is there that dpbench did not make: rename the VM`,
    )
    expect(refused.text).not.toMatch(stackTrace)

    // the places that are known now
    const { id } = JSON.parse(
      await readFile(join(project.folder, '.dpbench/env/environment.json'), 'utf8'),
    ) as { id: string }
    const dry = await provision('--disk-template', image, '--dry-run')
    const base = /\/\S+\/base-[0-9a-f]+\.raw/.exec(dry.text)![0]
    const folder = join(base, '..', `env-${id.slice(0, 8)}`)
    await lab.shell(
      'hypervisor-2',
      `mkdir -p ${folder} && echo mine > ${folder}/vm3.qcow2 && echo mine > ${base}`,
    )
    onTestFinished(async () => void (await lab.shell('hypervisor-2', `rm -r ${folder} ${base}`)))
    const again = await provision('--disk-template', image)
    expect(again.status, again.text).toBe(3)
    for (const place of [`a folder ${folder}`, `a file ${base}`])
      expect(again.text).toContain(
        `hypervisor-2: ${place} is there that dpbench did not make, and is left alone: move it away or choose another libvirt.image_folder`,
      )
    const cleanUp = await provision('--clean-up')
    expect(cleanUp.status, cleanUp.text).toBe(0)
    expect(await lab.shell('hypervisor-2', `cat ${folder}/vm3.qcow2 ${base}`)).toBe('mine\nmine\n')
    await expectAsBefore(lab, before)
    await strangers.expectUntouched()
  })

  test('a name that is taken ends a run before anything is changed: exit 3, with the thing, its machine and what to do', async () => {
    const [device] = (
      lab.config as { hypervisors: { vms: { if_config: { netdev: string } }[] }[] }
    ).hypervisors.flatMap(({ vms }) => vms.map((vm) => vm.if_config.netdev))
    const image = lab.description.image!
    const had = (await lab.shell('hypervisor-2', `docker images -q ${image}`)).trim() !== ''
    await lab.shell('hypervisor-1', `ip link add ${device} type bridge`)
    await lab.shell(
      'hypervisor-2',
      `docker pull -q ${image} > /dev/null; docker create --name dpservice_hypervisor-2 ${image} > /dev/null`,
    )
    onTestFinished(async () => {
      await lab.shell('hypervisor-1', `ip link del ${device}`)
      await lab.shell('hypervisor-2', `docker rm dpservice_hypervisor-2; ${had ? '' : `docker rmi ${image}`}`)
    })
    const before = await lab.snapshot()
    const project = await Project.create(lab, { suites: oneTest })
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(3)
    expect(text).toContain(
      `hypervisor-1: there is a network device ${device} that dpbench did not make, and it is left alone`,
    )
    expect(text).toContain(
      'hypervisor-2: there is a container named dpservice_hypervisor-2 that dpbench did not make',
    )
    expect(text).toContain('docker rm -f dpservice_hypervisor-2')
    expect(text).not.toMatch(stackTrace)
    const { steps } = await project.record()
    expect(steps.map(({ name }) => name).join('\n')).not.toMatch(/pull|prepare the guests|lease the guests/)
    // what can be had is had, also of the guests, which the run had not connected yet
    const { source } = await onlyRecording(project)
    for (const machine of lab.machines)
      expect(source(machine, 'routes'), machine).toMatchObject({ exitStatus: 0, cut: false })
    await expectAsBefore(lab, before)
  })

  test('a results/latest that is no link of ours ends a run before it begins: exit 2', async () => {
    const project = await Project.create(lab, { suites: oneTest })
    await mkdir(join(project.folder, 'results/latest'), { recursive: true })
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(2)
    expect(text).toContain('results/latest is no link of dpbench, and is left alone: move it away')
    expect(await readdir(join(project.folder, 'results'))).toEqual(['latest'])
    expect(project.hasState).toBe(false)
  })
})
