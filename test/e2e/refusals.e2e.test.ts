/** What is refused before anything is done, and that nothing was done. */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { whyNoLab } from '../lab/support.ts'
import { onlyRecording } from './support/flight.ts'
import { useLab } from './support/lab.ts'
import { type EditableConfig, Project, type Finished, stackTrace } from './support/project.ts'
import { expectAsBefore } from './support/snapshot.ts'

/** An ed25519 public key that nobody has: algorithm name and key, each behind its length (RFC 8709). */
function strangersKey(): string {
  const { publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  return `ssh-ed25519 ${Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)]).toString('base64')}`
}

describe.skipIf(whyNoLab.length > 0)('a run that is refused', { timeout: 180_000 }, () => {
  const lab = useLab()

  const expectRefused = async (project: Project, { status, text }: Finished, code: number): Promise<void> => {
    expect(status, text).toBe(code)
    expect(text).not.toMatch(stackTrace)
    expect(project.hasResults, 'results/').toBe(false)
    expect(project.hasState, '.dpbench/').toBe(false)
  }

  test('an unknown option is answered with the one that was meant: exit 2', async () => {
    const project = await Project.create(lab)
    const finished = await project.run('--mode', 'offload', '--docker-imag', 'x')
    expect(finished.text).toContain('unknown option --docker-imag: did you mean --docker-image?')
    await expectRefused(project, finished, 2)
  })

  test.each([
    ['no mode', [], /--mode is missing: write --mode offload, non-offload or both/],
    [
      'a mode that there is not',
      ['--mode', 'fast'],
      /--mode is "fast": write --mode offload, non-offload or both/,
    ],
    [
      'a profile that there is not',
      ['--mode', 'both', '--profile', 'fast'],
      /--profile .*quick, default or release/,
    ],
    ['an option without its value', ['--mode', 'both', '--tag'], /--tag needs a value/],
    ['an option given twice', ['--mode', 'both', '--mode', 'offload'], /--mode is given twice/],
    ['a suite that there is not', ['--mode', 'offload', 'nosuchsuite'], /no suite matches/],
  ])('%s: exit 2', async (_, argv, message) => {
    const project = await Project.create(lab)
    const finished = await project.run(...argv)
    expect(finished.text).toMatch(message)
    await expectRefused(project, finished, 2)
  })

  test('every fault of a config is told at once: exit 2', async () => {
    const project = await Project.create(lab, {
      edit: (config) => {
        config.concurrent_flow_cuont = config.concurrent_flow_count
        delete config.concurrent_flow_count
        config.key_file = '/nowhere/id_ed25519'
        config.hypervisors[0].vms[0].if_config.ipv4 = '10.200.1.400'
        config.hypervisors[0].vms[1].machine_name = config.hypervisors[0].vms[0].machine_name
        config.hypervisors[1].prot = 22
      },
    })
    const finished = await project.run('--mode', 'offload')
    const { text } = finished
    expect(text).toMatch(/concurrent_flow_cuont.*concurrent_flow_count/)
    expect(text).toContain('/nowhere/id_ed25519')
    expect(text).toContain('10.200.1.400')
    expect(text).toMatch(/hypervisors.*vms.*machine_name.*vm1/)
    expect(text).toMatch(/prot.*port/)
    expect(text.match(/^ {2}✖ /gm)!.length).toBeGreaterThanOrEqual(5)
    await expectRefused(project, finished, 2)
  })

  test('no config, and a config that is no JSON: exit 2', async () => {
    const project = await Project.create(lab)
    const missing = await project.run('--mode', 'offload', '--env-config-name', 'nosuch')
    expect(missing.text).toContain('leave --env-config-name out')
    await expectRefused(project, missing, 2)
    await writeFile(project.configFile, '{ "key_file": ')
    const torn = await project.run('--mode', 'offload')
    expect(torn.text).toContain(project.configFile)
    await expectRefused(project, torn, 2)
  })

  test('no image: exit 2, with where to write it', async () => {
    const project = await Project.create(lab, { edit: (config) => delete config.default_dpservice_image })
    const finished = await project.run('--mode', 'offload')
    expect(finished.text).toMatch(/--docker-image .*default_dpservice_image/)
    await expectRefused(project, finished, 2)
  })

  // Only the registry knows what it has, and it answers the same when the reason is not the name: so it is exit 3.
  test('an image that the registry does not have: exit 3, nothing left', async () => {
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const image = `${lab.description.registry}/softplane:nosuchtag`
    const { status, text } = await project.run('--mode', 'offload', '--docker-image', image)
    expect(status, text).toBe(3)
    expect(text).toContain(`cannot pull ${image}`)
    expect(text).not.toMatch(stackTrace)
    expect(await project.pending()).toEqual([])
    await expectAsBefore(lab, before)
  })

  test.each([
    [
      'hypervisor',
      'hypervisor-2',
      (config: EditableConfig, key: string) => (config.hypervisors[1].host_key = key),
    ],
    ['guest', 'vm2', (config: EditableConfig, key: string) => (config.hypervisors[0].vms[1].host_key = key)],
  ])('a %s with another host key: exit 3, with both fingerprints, nothing created', async (_, name, edit) => {
    const stranger = strangersKey()
    const project = await Project.create(lab, { edit: (config) => edit(config, stranger) })
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(3)
    const [, presented, expected] = /presented (SHA256:\S+), expected (SHA256:\S+)/.exec(text) ?? []
    expect(text).toContain(`${name}: the host key of`)
    expect(presented).toBeDefined()
    expect(expected).toBeDefined()
    expect(presented).not.toBe(expected)
    expect(text).not.toMatch(stackTrace)
    expect(text).not.toContain('dpservice (offload)')
    expect(await project.pending()).toEqual([])
    // what can be had is had, and what can't says why
    const { source } = await onlyRecording(project)
    expect(source(name, 'routes').missing).toContain('the host key of')
    expect(source('hypervisor-1', 'routes').bytes).toBeGreaterThan(0)
    await expectAsBefore(lab, before)
  })

  test('a container of our name that is not ours stays, and its look-alikes: exit 3, with what to do', async () => {
    const { shell } = lab
    const image = lab.description.image!
    const names = ['dpservice_hypervisor-1', 'dpservice_hypervisor-10', 'x_dpservice_hypervisor-1']
    const create = names.map(
      (name) => `docker create --name ${name} --label dpbench.run=of-somebody ${image} >/dev/null`,
    )
    const had = (await shell('hypervisor-1', `docker images -q ${image}`)).trim() !== ''
    await shell('hypervisor-1', `docker pull -q ${image} >/dev/null; ${create.join('; ')}`)
    const file = '/run/dpbench-dhclient-4-eth1.leases.mine'
    await shell('vm1', `touch ${file}; ip route add 10.200.99.0/24 dev eth0`)
    onTestFinished(async () => {
      await shell('vm1', `rm -f ${file}; ip route del 10.200.99.0/24 dev eth0`)
      await shell('hypervisor-1', `docker rm ${names.join(' ')} ${had ? '' : `; docker rmi ${image}`}`)
    })
    const project = await Project.create(lab)
    const before = await lab.snapshot()
    const { status, text } = await project.run('--mode', 'offload')
    expect(status, text).toBe(3)
    expect(text).toContain('there is a container named dpservice_hypervisor-1 that dpbench did not make')
    expect(text).toContain('docker rm -f dpservice_hypervisor-1')
    expect(text).not.toMatch(/repetition 1/)
    expect(text).not.toMatch(stackTrace)
    await expectAsBefore(lab, before)
  })

  test('a second run while one goes on: exit 3, naming the one that has the machines, which goes on', async () => {
    const project = await Project.create(lab)
    const first = project.start(
      '--mode',
      'offload',
      '-t',
      'IPv4 on one hypervisor',
      '--verdict',
      'mean',
      '--tag',
      'first',
    )
    await first.shows(/dpservice \(offload\) from/)
    const second = await project.run('--mode', 'offload', '--tag', 'second')
    expect(second.status, second.text).toBe(3)
    const holder = JSON.parse(await readFile(join(project.folder, '.dpbench/env/lease.json'), 'utf8')) as {
      pid: number
      runId: string
    }
    expect(second.text).toContain(`run ${holder.runId} (process ${holder.pid}, since`)
    expect(second.text).not.toMatch(stackTrace)
    const { status, text } = await first.ended
    expect(status, text).toBe(0)
  })
})
