import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDomain } from '../../src/transport/libvirt/documents.ts'
import { checkDocuments } from '../../provision/check-documents.ts'
import { inspectHypervisor } from '../../provision/preflight.ts'
import { loadTemplate, render } from '../../provision/templates.ts'
import { planVms, type VmPlan } from '../../provision/vm-plan.ts'
import { bridged, fixture, type Fixture } from './fixture.ts'
import type { Loose } from '../config/dpservice-file.ts'

async function plan(
  change?: (config: Loose) => void,
  adapt: (run: Fixture['run']) => Fixture['run'] = (run) => run,
): Promise<VmPlan[]> {
  const { run, hosts } = await fixture(change)
  const adapted = adapt(run)
  const plans: VmPlan[] = []
  for (const hypervisor of run.config.hypervisors) {
    plans.push(...planVms(adapted, await inspectHypervisor(adapted, hypervisor, hosts.get(hypervisor.name)!)))
  }
  return plans
}

const vmOf = (plans: readonly VmPlan[], name: string): VmPlan => plans.find((one) => one.vm.name === name)!

describe('the domain document', () => {
  test('has the VF by the PCI address that SR-IOV gives it', async () => {
    const plans = await plan((config) => {
      config.hypervisors[0].vms[0].if_config.pci_addr = '0000:8a:00.0_representor_vf6'
    })
    // offset 2, stride 1: the seventh VF is in the next device
    expect(vmOf(plans, 'vm1').domain).toContain(
      "<address domain='0x0000' bus='0x8a' slot='0x01' function='0x0'/>",
    )
    expect(vmOf(plans, 'vm1').domain).toContain('<hostdev ')
    expect(parseDomain(vmOf(plans, 'vm1').domain).macAddresses).toHaveLength(1)
    await checkDocuments(plans)
  })

  test('has a second NIC on the bridge, from the same template', async () => {
    const plans = await plan(bridged)
    expect(vmOf(plans, 'vm3').domain).toContain("<source bridge='br-vm3'/>")
    expect(vmOf(plans, 'vm3').domain).not.toContain('hostdev')
    const macs = plans.flatMap(({ domain }) => parseDomain(domain).macAddresses)
    expect(new Set(macs).size).toBe(6)
    for (const mac of macs) expect(Number.parseInt(mac.slice(0, 2), 16) & 0b11).toBe(0b10)
    await checkDocuments(plans)
  })

  test('has pinning, NUMA, huge pages and CPU features where the config says so', async () => {
    const plans = await plan((config) => {
      config.libvirt = {
        vcpus: 2,
        pinning: { vm1: ['2', '3-4'] },
        numa: { vm1: 1 },
        hugepages: true,
        cpu: { model: 'Nehalem', disabled_features: ['cx16'] },
      }
    })
    const { domain } = vmOf(plans, 'vm1')
    expect(domain).toContain("<vcpupin vcpu='1' cpuset='3-4'/>")
    expect(domain).toContain("<memory mode='strict' nodeset='1'/>")
    expect(domain).toContain('<hugepages/>')
    expect(domain).toContain('<model>Nehalem</model>')
    expect(domain).toContain("<feature policy='disable' name='cx16'/>")
    expect(vmOf(plans, 'vm2').domain).not.toContain('<cputune>')
    await checkDocuments(plans)
  })

  test('escapes what XML would take for its own', async () => {
    const plans = await plan(bridged, (run) => ({
      ...run,
      identity: { ...run.identity, origin: `a'b<c>&"d` },
    }))
    expect(parseDomain(plans[0]!.domain).provisioned?.origin).toBeTruthy()
    expect(plans[0]!.domain).toContain('a&#39;b&lt;c&gt;&amp;&quot;d')
  })

  test.each([
    ['<domain><name>{{ name }}</domain>', /does not give a usable domain.*not well-formed/s],
    ['<domain><name>other</name></domain>', /its <name> is not \{\{ name \}\}/],
    ['<domain><name>{{ name }}</name></domain>', /no <dpbench:provisioned> element/],
    ['{{ nmae }}', /cannot be rendered: .*undefined/],
    ["{% include '/etc/passwd' %}", /cannot be rendered/],
  ])('from the template %j is refused', async (text, reason) => {
    await expect(
      plan(bridged, (run) => ({ ...run, domainTemplate: { file: 'my.xml', text } })),
    ).rejects.toSatisfy((error: Error) =>
      reason.test([error.message, (error.cause as Error | undefined)?.message].join(' ')),
    )
  })
})

describe('the Ignition document', () => {
  test('gives the VM its name, our key and its own host key', async () => {
    const { ignition, hostKey } = (await plan(bridged))[0]!
    const document = JSON.parse(ignition)
    expect(document.passwd.users).toEqual([
      { name: 'root', sshAuthorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZ me@here'] },
    ])
    const files = new Map<string, string>(
      document.storage.files.map((one: { path: string; contents: { source: string } }) => [
        one.path,
        Buffer.from(one.contents.source.split(',')[1]!, 'base64').toString(),
      ]),
    )
    expect(files.get('/etc/hostname')).toBe('vm1\n')
    expect(files.get('/etc/ssh/ssh_host_ed25519_key')).toContain('PRIVATE KEY')
    expect(files.get('/etc/ssh/ssh_host_ed25519_key.pub')).toBe(`${hostKey} vm1\n`)
    expect(ignition).not.toContain('passwordHash')
  })

  test('has a password hash only when the config names one, and is shown without its private key', async () => {
    const hash = '$6$saltsalt$abcdefghijklmnopqrstuvwxyz'
    const [first] = await plan(bridged, (run) => ({ ...run, consolePasswordHash: hash }))
    expect(JSON.parse(first!.ignition).passwd.users[0].passwordHash).toBe(hash)
    expect(first!.ignitionShown).not.toContain('PRIVATE KEY')
  })

  test('keeps quotes in a value where they are', async () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMZ "me" \\ <here> & there'
    const [first] = await plan(bridged, (run) => ({ ...run, authorizedKeys: [key] }))
    expect(JSON.parse(first!.ignition).passwd.users[0].sshAuthorizedKeys).toEqual([key])
  })

  test.each([
    ['{ "ignition": { "version": "3.0.0" }', /not valid JSON/],
    ['{ "ignition": { "version": "2.2.0" } }', /ignition\.version/],
    ['{ "ignition": { "version": "3.0.0" } }', /nobody could log in/],
    [
      '{ "ignition": { "version": "3.0.0" }, "passwd": { "users": [{ "name": "root", "sshAuthorizedKeys": {{ authorizedKeys | dump }} }] } }',
      /its host key could not be pinned/,
    ],
    ['{ "ignition": { "version": "3.0.0" }, "pasword": {} }', /pasword/],
  ])('from the template %j is refused', async (text, reason) => {
    await expect(
      plan(bridged, (run) => ({ ...run, ignitionTemplate: { file: 'my.ign', text } })),
    ).rejects.toThrow(reason)
  })
})

describe('templates', () => {
  test('are loaded by name from the config’s folder, not by path', async () => {
    const { folder } = await fixture()
    writeFileSync(path.join(folder, 'my.njk'), 'mine')
    expect((await loadTemplate('my.njk', 'vm_tmpl.xml.njk', folder, '--xml-template-name')).text).toBe('mine')
    for (const name of ['../my.njk', '/etc/passwd', '..', 'nowhere.njk']) {
      await expect(
        loadTemplate(name, 'vm_tmpl.xml.njk', folder, '--xml-template-name'),
      ).rejects.toMatchObject({ exitCode: 2 })
    }
  })

  test('an undefined value is a fault that names the template', () => {
    expect(() => render({ file: 'x.njk', text: '{{ a.b }}' }, { a: {} }, 'none')).toThrow(
      /x\.njk cannot be rendered/,
    )
  })
})
