/** A lab wired for an image of dpservice: what stands in its place checks arguments, devices, mounts, huge pages, neighbours. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type BenchConfig, loadConfig } from '../../src/config/index.ts'
import { DisposalStack } from '../../src/core/disposal-stack.ts'
import { describeError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { waitFor } from '../../src/core/wait.ts'
import { type DpserviceDeployment, deployDpservice } from '../../src/dataplane/dpservice/deploy.ts'
import type { DeployedDpservice } from '../../src/dataplane/dpservice/deployed.ts'
import { dataplaneUndo } from '../../src/dataplane/dpservice/undo.ts'
import { hypervisorAddress, vmAddress } from '../../src/environment/addresses.ts'
import { Hypervisor } from '../../src/machine/hypervisor.ts'
import { VirtualMachine } from '../../src/machine/virtual-machine.ts'
import { containerLog } from '../../src/transport/docker/logs.ts'
import { importedImage } from '../../lab/import-image.ts'
import { labDown, labUp } from '../../lab/lab.ts'
import type { ImageBuilder } from '../../lab/options.ts'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { testLabName, whyNoLab } from './support.ts'

const source = join(import.meta.dirname, 'dpservice-check')
const hugepages = '/proc/sys/vm/nr_hugepages'

/** Built on softplane's base in the lab's engine, then taken from there as an image of somebody else's would be. */
const checkImage: ImageBuilder = {
  async build(options) {
    await buildSoftplaneImage(options)
    const hash = createHash('sha256')
    for (const file of (await readdir(source)).sort()) hash.update(await readFile(join(source, file)))
    const tag = `dpservice-check:${hash.digest('hex').slice(0, 12)}`
    const env = { ...process.env, DOCKER_BUILDKIT: '0' }
    await runLocally(['docker', '--host', options.dockerHost, 'build', '--quiet', '--tag', tag, source], {
      env,
    })
    return importedImage(tag).build(options)
  },
}

describe.skipIf(whyNoLab.length > 0)('a lab for an image of dpservice', { timeout: 360_000 }, () => {
  const name = testLabName('tap')
  let before: string
  let config: BenchConfig
  const opened = new DisposalStack()
  const machines = new Map<string, { hypervisor: Hypervisor; vms: VirtualMachine[] }>()

  beforeAll(async () => {
    before = await readFile(hugepages, 'utf8')
    const description = await labUp({
      name,
      guests: 'namespace',
      hypervisors: 2,
      log: () => undefined,
      image: checkImage,
      dataplane: 'dpservice',
    })
    config = await loadConfig({ file: description.configFile })
    for (const each of config.hypervisors) {
      const hypervisor = opened.use(await Hypervisor.connect(hypervisorAddress(config, each)))
      const vms = each.vms.map(async (vm) => {
        const { ipv4, ipv6, vni } = vm
        const address = vmAddress(config, vm)
        return opened.use(await VirtualMachine.connect(address, hypervisor, { ipv4, ipv6, vni }))
      })
      machines.set(each.name, { hypervisor, vms: await Promise.all(vms) })
    }
  }, 480_000)
  afterAll(async () => {
    await opened[Symbol.asyncDispose]()
    await labDown(name)
    expect(await readFile(hugepages, 'utf8')).toBe(before)
  }, 180_000)

  type Settings = DpserviceDeployment['settings']

  /** As a run does it; taken back when the test is over. */
  async function deploy(change: (settings: Settings) => Settings): Promise<DeployedDpservice> {
    const deployments = config.hypervisors.map((each) => ({
      hypervisor: machines.get(each.name)!.hypervisor,
      settings: change(each.dpservice),
      ports: each.vms.map(({ name: vm, device, netdev, bridge }) => ({
        vm: machines.get(each.name)!.vms.find((one) => one.name === vm)!,
        device: device!,
        netdev,
        bridge,
      })),
    }))
    const undoLog = {
      record: async (step: { hypervisor: string; undo: { kind: string } }) => {
        const { docker } = machines.get(step.hypervisor)!.hypervisor
        if (step.undo.kind === 'container')
          onTestFinished(() =>
            dataplaneUndo['container']!(step.hypervisor, docker, step.undo).then(() => undefined),
          )
        return { done: async () => undefined }
      },
    }
    const options = { mode: 'non-offload', image: config.defaultDpserviceImage!, runId: name } as const
    return deployDpservice(deployments, { ...options, undoLog, log: () => undefined })
  }

  const logOf = (hypervisor: string): Promise<string> =>
    containerLog(machines.get(hypervisor)!.hypervisor.docker.getContainer(`dpservice_${hypervisor}`))

  /** Each hypervisor's dpservice says it at its own time. */
  const logWith = (hypervisor: string, words: string): Promise<string> =>
    waitFor(
      async () => {
        const text = await logOf(hypervisor)
        return text.includes(words) ? { state: 'ready', value: text } : { state: 'pending', seen: text }
      },
      { what: `“${words}” in the log of ${hypervisor}`, timeoutMs: 20_000 },
    )

  test('adds huge pages of its own, and gives dpservice all that it wants', async () => {
    expect(Number(await readFile(hugepages, 'utf8'))).toBe(Number(before) + 320)
    const deployed = await deploy((settings) => settings)
    onTestFinished(() => deployed.release())
    expect(deployed.provenance.map(({ version }) => version)).toEqual([
      'dpservice-check 1',
      'dpservice-check 1',
    ])
    expect(deployed.provenance[0]!.image).toMatch(/\/dpservice:[0-9a-f]{16}$/)
    for (const hypervisor of machines.keys())
      expect(await logWith(hypervisor, 'wired')).not.toContain('missing')
  })

  test('what it is started without is named', async () => {
    const without = deploy((settings) => ({
      ...settings,
      mounts: [],
      capAdd: ['NET_ADMIN'],
      capDrop: [],
      noNewPrivileges: true,
      arguments: ['--pf0=dtap0'],
    }))
    const message = await without.then(
      () => 'deployed',
      (error: unknown) => describeError(error),
    )
    for (const missing of [
      'huge pages of 2 MB',
      'the capability IPC_LOCK',
      '--nic-type=tap',
      'an underlay address',
    ])
      expect(message).toContain(`missing: ${missing}`)
  })

  test('what its devices are left without is named, and ends the run', async () => {
    const deployed = await deploy((settings) => ({
      ...settings,
      attach: settings.attach.map(({ netdev, bridge }) => ({ netdev, bridge })),
    }))
    await waitFor(
      async () => (deployed.lost.aborted ? { state: 'ready', value: undefined } : { state: 'pending' }),
      { what: 'the end of dpservice', timeoutMs: 20_000 },
    )
    expect(describeError(deployed.lost.reason)).toContain('stopped (exit code 1)')
    for (const hypervisor of machines.keys())
      expect(await logWith(hypervisor, 'missing: dtap0 has no router')).toContain(
        'missing: dtap0 has the MAC address of its port\n',
      )
  })
})
