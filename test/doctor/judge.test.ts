/** What no lab has, on the recorded facts of a Gardenlinux hypervisor with a SmartNIC: green, then each fault by itself. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BenchConfig, loadConfig } from '../../src/config/index.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { judge } from '../../src/doctor/diagnose.ts'
import type { Judgement } from '../../src/doctor/index.ts'
import { type HypervisorNeeds, needsOf } from '../../src/doctor/needs.ts'
import { cardCases, pool } from './cases-card.ts'
import { serviceCases } from './cases-services.ts'
import { systemCases } from './cases-system.ts'
import { type Changes, hostFacts, libvirtSections, needs, ruleset } from './recorded.ts'

let folder: string
let config: BenchConfig

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpbench-doctor-'))
  const key = join(folder, 'key')
  await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const example = join(import.meta.dirname, '../../config/examples/two-servers.json')
  const file = join(folder, 'two-servers.json')
  await cp(example, file)
  await writeFile(
    file,
    JSON.stringify({
      ...(await import(example, { with: { type: 'json' } })).default,
      key_file: key,
      public_key_file: `${key}.pub`,
    }),
  )
  config = await loadConfig({ file, cwd: folder })
})
afterAll(() => rm(folder, { recursive: true }))

const judged = (changes: Changes, asked: Partial<HypervisorNeeds> = {}): Judgement[] =>
  judge(hostFacts(changes), needs(config, asked), 'dpbench doctor test')
const of = (judgements: readonly Judgement[], check: string): Judgement[] =>
  judgements.filter((each) => each.check === check)

test('a hypervisor that has everything has no fault; what the noexec of Gardenlinux means is said', () => {
  const all = judged({})
  expect(all.filter(({ status }) => status === 'fault')).toEqual([])
  expect(all.filter(({ status }) => status === 'warning').map(({ check }) => check)).toEqual(['noexec'])
  expect(of(all, 'noexec')[0]!.found).toMatch(/^\/tmp is mounted noexec: nothing of dpbench is started there/)
  expect(of(all, 'representors')[0]!.found).toBe('vm1: enp138s0f0npf0vf2, vm2: enp138s0f0npf0vf1')
  expect(of(all, 'hugepages')[0]!.found).toContain('node 0: 2048, 2048 free; node 1: 2048, 2048 free')
  expect(of(all, 'underlay MTU')[0]!.found).toBe('enp138s0f0np0: 9100; tunnelled packets of guests take 1540')
})

test.each([...cardCases, ...serviceCases, ...systemCases])(
  'found: $name',
  ({ changes, needs: asked, check, status = 'fault', found, advice, repair }) => {
    const all = judged(changes, asked)
    const [hit] = of(all, check).filter((each) => each.status === status)
    expect(hit, JSON.stringify(of(all, check))).toBeDefined()
    expect(hit!.found).toMatch(found)
    expect(hit!.found).not.toContain('\n')
    expect(hit!.advice).toMatch(advice ?? /\S/)
    const commands = (hit!.repairs ?? []).flatMap((each) => each.commands.map((command) => command.join(' ')))
    if (repair) expect(commands.join('\n').replaceAll(/comment ("[^"]*")/g, "comment '$1'")).toMatch(repair)
    else expect(commands).toEqual([])
  },
)

describe('what does not apply', () => {
  const tap: Partial<HypervisorNeeds> = {
    cards: [],
    dpserviceConf: { none: 'DP_CONF is empty' },
    hugepages: { dataplane: { none: 'no mount' }, mibPerVm: 0 },
  }

  test('a card, without pci_addr; hugepages, when nothing asks for them', () => {
    const all = judged({ system: { iommu: '0', cards: '', hugepages: pool(0, 0) } }, tap)
    expect(all.filter(({ status }) => status === 'fault')).toEqual([])
    for (const check of ['IOMMU', 'SR-IOV VFs', 'switchdev', 'representors', 'dpservice.conf', 'hugepages'])
      expect(of(all, check)[0]).toMatchObject({ status: 'not applicable' })
  })

  test('KVM, when the config asks for emulation', () => {
    expect(of(judged({ system: { kvm: '' } }, { domainType: 'qemu' }), 'KVM')[0]).toMatchObject({
      status: 'not applicable',
    })
  })

  test('the firewall and forwarding, for a network that leads nowhere', () => {
    const network = libvirtSections['network']!.replace(/<forward.*?\/>/, '').replace(/<bridge.*?\/>/, '')
    const all = judged({ libvirt: { network }, system: { forward: '0', nft: ruleset([]) } })
    expect(of(all, 'IP forwarding')[0]).toMatchObject({ status: 'not applicable' })
    expect(of(all, 'nft input')[0]).toMatchObject({ status: 'not applicable' })
  })

  test('everything of libvirt, when it does not answer: told once', () => {
    const all = judged({ libvirt: { version: 'error: refused', status: '1' } })
    expect(all.filter(({ status }) => status === 'fault').map(({ check }) => check)).toEqual(['libvirt'])
  })
})

describe('what a config asks for', () => {
  const asked = (dpservice: Partial<BenchConfig['hypervisors'][number]['dpservice']>): HypervisorNeeds => {
    const [hypervisor] = config.hypervisors
    return needsOf(config, { ...hypervisor!, dpservice: { ...hypervisor!.dpservice, ...dpservice } })
  }

  test.each([
    [['-l', '0,1', '-m', '320'], 320],
    [['-m320'], 320],
    [['--socket-mem=1024,512'], 1536],
    [['-l', '0,1'], 'some'],
  ])('%j: hugepages of %s MiB', (ealArguments, mib) => {
    expect(asked({ ealArguments }).hugepages.dataplane).toEqual({ mib, folder: '/dev/hugepages' })
  })

  test('no hugepages with --no-huge, or where none are mounted into the container', () => {
    expect(asked({ ealArguments: ['--no-huge'] }).hugepages.dataplane).toHaveProperty('none')
    expect(asked({ mounts: ['/run/dpservice'] }).hugepages.dataplane).toHaveProperty('none')
  })

  test('dpservice.conf where DP_CONF and the mounts put it', () => {
    expect(asked({}).dpserviceConf).toEqual({ file: '/run/dpservice/dpservice.conf' })
    const elsewhere = { environment: { DP_CONF: '/etc/dp/x.conf' }, mounts: ['/srv/dp:/etc/dp:ro'] }
    expect(asked(elsewhere).dpserviceConf).toEqual({ file: '/srv/dp/x.conf' })
    expect(asked({ environment: { DP_CONF: '' } }).dpserviceConf).toHaveProperty('none')
    expect(asked({ mounts: [] }).dpserviceConf).toHaveProperty('none')
  })

  test('the MTU follows from what guests are given', () => {
    expect(asked({ arguments: ['--dhcp-mtu=1337'] }).underlayMtu).toBe(1377)
  })
})

test('a system that hangs is told as that, not as a list of what it did not say', () => {
  const all = judged({ system: { end: undefined, programs: undefined, free: undefined } })
  expect(all.filter(({ status }) => status === 'fault').map(({ check }) => check)).toEqual(['system'])
})
