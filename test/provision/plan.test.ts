import { describe, expect, test } from 'vitest'
import { createVms } from '../../provision/create.ts'
import { dryRun } from '../../provision/dry-run.ts'
import { chooseMac } from '../../provision/mac.ts'
import { inspectHypervisor, type HypervisorFacts } from '../../provision/preflight.ts'
import { planSteps } from '../../provision/steps.ts'
import { planVms } from '../../provision/vm-plan.ts'
import { parseDomain } from '../../src/transport/libvirt/documents.ts'
import { RecordingHost } from '../../provision/recorder.ts'
import { bridged, fixture, type Fixture } from './fixture.ts'

async function facts({ run, hosts }: Fixture): Promise<HypervisorFacts> {
  const [first] = run.config.hypervisors
  return inspectHypervisor(run, first!, hosts.get(first!.name)!)
}

describe('a plan', () => {
  test('makes the folder, the image, then VM by VM; each creation is journaled', async () => {
    const made = await fixture(bridged)
    const steps = planSteps(made.run, await facts(made), planVms(made.run, await facts(made)))
    expect(steps.map(({ what }) => what.replace(/\/\S+/, 'F'))).toEqual([
      'make the folder F',
      'bring the disk image',
      'make the folder F',
      'vm1: make its disk and its documents',
      'vm1: define the domain',
      'vm2: make its disk and its documents',
      'vm2: define the domain',
      'vm1: switch it on',
      'vm2: switch it on',
    ])
    expect(steps.filter(({ undo }) => undo === undefined).map(({ what }) => what)).toEqual([
      'vm1: switch it on',
      'vm2: switch it on',
    ])
  })

  test('is empty when every VM is there and runs, and switches on one that is off', async () => {
    const made = await fixture(bridged)
    const before = await facts(made)
    const domains = new Map(planVms(made.run, before).map((one) => [one.vm.name, parseDomain(one.domain)]))
    const after = {
      ...before,
      ownDomains: domains,
      running: new Set(['vm1', 'vm2']),
      takenMacs: new Set<string>(),
    }
    expect(planSteps(made.run, after, planVms(made.run, after))).toEqual([])
    const off = { ...after, running: new Set(['vm2']) }
    expect(planSteps(made.run, off, planVms(made.run, off)).map(({ what }) => what)).toEqual([
      'vm1: switch it on',
    ])
  })

  test('keeps the host key and the MAC addresses of a VM that is there', async () => {
    const made = await fixture(bridged)
    const before = await facts(made)
    const [first] = planVms(made.run, before)
    const after = {
      ...before,
      ownDomains: new Map([['vm1', parseDomain(first!.domain)]]),
      running: new Set(['vm1']),
    }
    const [again] = planVms({ ...made.run, runId: 'run-2' }, after)
    expect(again).toMatchObject({ state: 'running', hostKey: first!.hostKey, macAddress: first!.macAddress })
  })

  test('refuses a VM that was made from something else, and says from what', async () => {
    const made = await fixture(bridged)
    const before = await facts(made)
    const domains = new Map(planVms(made.run, before).map((one) => [one.vm.name, parseDomain(one.domain)]))
    const after = { ...before, ownDomains: domains, running: new Set(['vm1', 'vm2']) }
    const otherKey = { ...made.run, authorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther'] }
    expect(() => planVms(otherKey, after)).toThrow(/vm1: another Ignition document.*--clean-up/s)
    const otherImage = { ...made.run, image: { ...made.run.image, contentId: 'f'.repeat(64) } }
    expect(() => planVms(otherImage, after)).toThrow(/vm1: another disk image, another domain document/)
  })
})

/** A hypervisor with other people's things on it. */
class BusyHost extends RecordingHost {
  domains = new Map<string, string>()
  failing: ((argv: readonly string[]) => boolean) | undefined

  override async tryRun(
    ...[argv, options]: Parameters<RecordingHost['tryRun']>
  ): ReturnType<RecordingHost['tryRun']> {
    const result = await super.tryRun(argv, options)
    const answer = (stdout: string, exitCode = 0) => ({ ...result, stdout, exitCode })
    if (this.failing?.(argv)) return answer('', 1)
    if (argv.includes('list') && argv.includes('--all')) return answer([...this.domains.keys()].join('\n'))
    if (argv.includes('dumpxml'))
      return answer(this.domains.get(argv.at(-1) ?? '') ?? '', this.domains.has(argv.at(-1) ?? '') ? 0 : 1)
    return result
  }
}

function busy({ run, hosts }: Fixture, name: string): BusyHost {
  const host = new BusyHost(name, run.config, run.image)
  hosts.set(name, host)
  return host
}

const connectionsOf = ({ hosts }: Fixture) => ({ to: async ({ name }: { name: string }) => hosts.get(name)! })

describe('before anything is created', () => {
  test('a domain of that name that is not ours ends the run, on every hypervisor at once', async () => {
    const made = await fixture(bridged)
    busy(made, 'hypervisor-1').domains.set('vm1', '<domain><name>vm1</name></domain>')
    const foreign = busy(made, 'hypervisor-2')
    foreign.failing = (argv) => argv.includes('/sys/class/net/br-vm3/bridge')
    foreign.domains.set(
      'vm3',
      `<domain><name>vm3</name><metadata><p:provisioned xmlns:p="https://github.com/ironcore-dev/dpbench/domain/1" environment="other" run="r" spec="s" host-key="k" origin="you@there:/x"/></metadata></domain>`,
    )
    const error: Error = await createVms(made.run, connectionsOf(made), new AbortController()).then(
      () => new Error('it went on'),
      (reason: Error) => reason,
    )
    expect(error.message).toContain('Nothing was created')
    expect(error.message).toContain('hypervisor-1: a domain vm1 is there that dpbench did not make')
    expect(error.message).toContain('another environment of dpbench provisioned (you@there:/x)')
    expect(error.message).toContain('there is no bridge br-vm3')
    expect(made.undos).toEqual([])
    for (const host of made.hosts.values()) {
      expect(host.lines.filter((line) => /^>|mkdir|qemu-img create| define | start /.test(line))).toEqual([])
    }
  })

  test('a VF that is not there', async () => {
    const made = await fixture()
    busy(made, 'hypervisor-1').failing = (argv) => argv.some((one) => one.endsWith('sriov_offset'))
    await expect(createVms(made.run, connectionsOf(made), new AbortController())).rejects.toThrow(
      '0000:8a:00.0 of vm1 is not a physical function with SR-IOV',
    )
  })

  test('missing programs', async () => {
    const made = await fixture(bridged)
    const host = busy(made, 'hypervisor-1')
    host.tryRun = async (argv) => ({
      ...(await new RecordingHost('x', made.run.config, made.run.image).tryRun(argv)),
      stdout: argv.includes('virsh') ? 'virsh\nqemu-img\n' : '',
    })
    await expect(createVms(made.run, connectionsOf(made), new AbortController())).rejects.toThrow(
      'not installed: virsh, qemu-img',
    )
  })
})

test('a failure on one hypervisor stops the other, and is what is told', async () => {
  const made = await fixture(bridged)
  busy(made, 'hypervisor-2').failing = (argv) => argv.includes('define')
  const failure = new AbortController()
  const run = { ...made.run, signal: failure.signal }
  await expect(createVms(run, connectionsOf(made), failure)).rejects.toThrow(
    /hypervisor-2: command failed.*define/,
  )
  expect(made.undos.map(({ kind }) => kind)).toContain('libvirt-domain')
})

test('a dry run prints every command and file, and no private key', async () => {
  const made = await fixture(bridged)
  const lines: string[] = []
  await dryRun(made.run, (line) => lines.push(line))
  const text = lines.join('\n')
  expect(text).toContain('hypervisor-1 (tli@192.168.23.166:22, by sudo)')
  expect(text.match(/virsh .* define /g)).toHaveLength(3)
  expect(text.match(/\$ .*virsh .* start /g)).toHaveLength(3)
  expect(text).toContain('vm3.ign (0600):')
  expect(text).toContain('ssh root@vm1 through hypervisor-1, host key ssh-ed25519 ')
  expect(text).not.toContain('BEGIN OPENSSH')
  expect(text).not.toContain(Buffer.from('-----BEGIN OPENSSH').toString('base64').slice(0, 20))
  expect(made.undos).toEqual([])
})

describe('MAC addresses', () => {
  test('are the same each time, unlike for each VM and NIC, and avoid others', () => {
    const first = chooseMac('env', 'vm1', 'management', new Set())
    expect(chooseMac('env', 'vm1', 'management', new Set())).toBe(first)
    expect(first).toMatch(/^52:54(:[0-9a-f]{2}){4}$/)
    expect(chooseMac('env', 'vm1', 'data', new Set())).not.toBe(first)
    expect(chooseMac('env', 'vm2', 'management', new Set())).not.toBe(first)
    const second = chooseMac('env', 'vm1', 'management', new Set([first]))
    expect(second).not.toBe(first)
    expect(chooseMac('env', 'vm1', 'management', new Set(), [second])).toBe(second)
  })
})
