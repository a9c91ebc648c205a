import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { type LabDescription, labDown, labStatus, labUp } from '../../lab/lab.ts'
import { pushImage } from '../../lab/publish-image.ts'
import { LabSsh, machineSnapshot, testLabName, whyNoLab } from './support.ts'

const name = testLabName('ns')
const domain = `<domain type='qemu'>
  <name>probe</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/probe.qcow2'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'><source network='default'/><model type='virtio'/></interface>
    <interface type='bridge'><source bridge='br-vm1'/><target dev='probe-data'/><model type='virtio'/></interface>
  </devices>
</domain>`

describe.skipIf(whyNoLab.length > 0)('a lab with namespace guests', { timeout: 180_000 }, () => {
  let lab: LabDescription
  let ssh: LabSsh
  let before: Awaited<ReturnType<typeof machineSnapshot>>
  let upMs: number
  let cache: string
  const signal = new AbortController().signal
  const up = (): Promise<LabDescription> =>
    labUp({ name, guests: 'namespace', hypervisors: 2, log: () => undefined, signal })

  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'dpbench-cache-'))
    process.env['XDG_CACHE_HOME'] = cache
    before = await machineSnapshot(name)
    const started = performance.now()
    lab = await up()
    upMs = performance.now() - started
    ssh = new LabSsh(lab)
  }, 180_000)

  afterAll(async () => {
    await labDown(name)
    await rm(cache, { recursive: true, force: true })
  }, 180_000)

  test('is ready within 20 s', () => {
    expect(upMs).toBeLessThan(20_000)
  })

  test('an equal lab is reused, another of its name is refused', async () => {
    expect(await up()).toEqual(lab)
    await expect(labUp({ name, guests: 'qemu', hypervisors: 2, log: () => undefined })).rejects.toThrow(
      /other options/,
    )
  })

  test('every daemon of every host runs', async () => {
    const [status] = await labStatus(name)
    expect(status?.state).toBe('up')
    expect(status?.hosts.map((host) => host.name)).toEqual([
      'controller',
      'hypervisor-1',
      'vm1',
      'vm2',
      'hypervisor-2',
      'vm3',
    ])
    expect(status?.hosts.flatMap((host) => host.daemons).filter(({ alive }) => !alive)).toEqual([])
  })

  test('hosts and guests are machines of their own: name, machine id, host key', async () => {
    const machines = ['hypervisor-1', 'hypervisor-2', 'vm1', 'vm2', 'vm3']
    const ids = new Set<string>()
    for (const machine of machines) {
      expect(await ssh.output(machine, ['hostname'])).toBe(`${machine}\n`)
      ids.add(await ssh.output(machine, ['cat', '/etc/machine-id']))
    }
    expect(ids.size).toBe(machines.length)
  })

  test('nothing that a guest does reaches the machine', async () => {
    for (const machine of ['vm1', 'hypervisor-1']) {
      const file = `dpbench-test-${process.pid}`
      for (const folder of ['/etc', '/usr/bin', '/var/lib', '/root', '/tmp', '/run']) {
        expect(
          (await ssh.run(machine, ['touch', `${folder}/${file}`])).exitCode,
          `${machine} ${folder}`,
        ).toBe(0)
        await expect(readFile(`${folder}/${file}`)).rejects.toThrow(/ENOENT/)
      }
      expect((await ssh.run(machine, ['touch', `/${file}`])).stderr).toContain('Read-only')
      expect((await ssh.run(machine, ['kill', '-0', String(process.pid)])).exitCode).not.toBe(0)
      expect(await ssh.output(machine, ['ls', '/var/lib/dpbench'])).toBe('')
    }
    expect((await ssh.run('vm1', ['sh', '-c', 'ls /dev/vd* /dev/sd*'])).exitCode).not.toBe(0)
  })

  test('a guest has a lease on its management NIC and an unconfigured data NIC that is up', async () => {
    const leases = await ssh.output('hypervisor-1', ['virsh', 'net-dhcp-leases', 'default'])
    const guest = lab.hypervisors[0]?.vms[0]?.guest
    expect(leases).toContain(guest?.macAddress)
    expect(leases).toContain(`${guest?.address}/24`)
    const nics = JSON.parse(await ssh.output('vm1', ['ip', '-json', 'address'])) as {
      ifname: string
      address: string
      mtu: number
      operstate: string
      addr_info: { family: string }[]
    }[]
    expect(nics.find((nic) => nic.ifname === 'eth1')).toMatchObject({
      address: guest?.dataMacAddress,
      mtu: 1500,
      operstate: 'UP',
    })
    expect(
      nics.find((nic) => nic.ifname === 'eth1')?.addr_info.filter(({ family }) => family === 'inet'),
    ).toEqual([])
    for (const program of ['iperf3', 'ping', 'ss', 'ethtool', 'dhclient']) {
      expect((await ssh.run('vm1', ['which', program])).exitCode, program).toBe(0)
    }
  })

  test('the underlay carries 9000-byte packets and IPv6 between hypervisors', async () => {
    const prefix = 'fd00:dbe::'
    for (const [index, machine] of ['hypervisor-1', 'hypervisor-2'].entries()) {
      await ssh.output(machine, ['sysctl', '-qw', 'net.ipv6.conf.br-underlay.disable_ipv6=0'])
      const address = `${prefix}${index + 1}/64`
      await ssh.output(machine, ['ip', 'address', 'add', address, 'dev', 'br-underlay', 'nodad'])
    }
    const ping = ['ping', '-6', '-c', '1', '-w', '5', '-M', 'do', '-s', '8900', `${prefix}2`]
    expect(await ssh.output('hypervisor-1', ping)).toContain(' 0% packet loss')
    for (const machine of ['hypervisor-1', 'hypervisor-2']) {
      await ssh.output(machine, ['sysctl', '-qw', 'net.ipv6.conf.br-underlay.disable_ipv6=1'])
    }
  })

  test('libvirt starts an emulated domain with its NICs in the right bridges', async () => {
    const image = ['qemu-img', 'create', '-q', '-f', 'qcow2', '/var/lib/libvirt/images/probe.qcow2', '16M']
    await ssh.output('hypervisor-1', image)
    await ssh.output('hypervisor-1', ['virsh', 'create', '/dev/stdin'], domain)
    expect(await ssh.output('hypervisor-1', ['virsh', 'domstate', 'probe'])).toContain('running')
    const ports = JSON.parse(await ssh.output('hypervisor-1', ['bridge', '-json', 'link'])) as {
      ifname: string
      master: string
    }[]
    expect(ports.find((port) => port.ifname === 'probe-data')?.master).toBe('br-vm1')
    expect(ports.some((port) => port.ifname.startsWith('vnet') && port.master === 'virbr0')).toBe(true)
    await ssh.output('hypervisor-1', ['virsh', 'destroy', 'probe'])
  })

  test("an image built by the controller's engine is pulled and run on a hypervisor", async () => {
    const tar = join(cache, 'tiny.tar')
    await runLocally(['tar', '-C', '/usr/bin', '-cf', tar, 'tini-static'])
    const docker = new Docker({ socketPath: lab.controller.dockerSocket })
    const imported = await docker.importImage(tar, { repo: 'tiny', tag: 'built' })
    await new Promise((resolve) => docker.modem.followProgress(imported, resolve))
    const published = `${lab.registry}/tiny:pushed`
    await pushImage(lab.controller.dockerSocket, 'tiny:built', published, signal)
    const privileges = ['--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_ADMIN', '--device', '/dev/net/tun']
    const run = [
      'docker',
      'run',
      '--rm',
      '--network',
      'host',
      ...privileges,
      published,
      '/tini-static',
      '--version',
    ]
    expect(await ssh.output('hypervisor-2', run)).toContain('tini version')
  })

  test('another lab stands beside it and goes without it', async () => {
    const other = `${name}-b`
    const vms = [['a1'], ['b1'], ['c1']]
    const second = await labUp({
      name: other,
      guests: 'namespace',
      hypervisors: 3,
      vms,
      log: () => undefined,
    })
    try {
      expect(second.managementNetwork).not.toBe(lab.managementNetwork)
      expect(await new LabSsh(second).output('c1', ['hostname'])).toBe('c1\n')
    } finally {
      await labDown(other)
    }
    expect(await labStatus(other)).toEqual([])
    expect(await ssh.output('vm3', ['hostname'])).toBe('vm3\n')
  })

  test('a lab with a dead daemon is made anew', async () => {
    await ssh.run('hypervisor-2', ['sh', '-c', 'kill -9 $(cat /run/dpbench/libvirtd.pid)'])
    const [broken] = await labStatus(name)
    expect(broken?.state).toBe('broken')
    lab = await up()
    const [mended] = await labStatus(name)
    expect(mended?.state).toBe('up')
  })

  test('down leaves the machine as it was, with domains and containers still running', async () => {
    ssh = new LabSsh(lab)
    await ssh.output('hypervisor-1', [
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '/var/lib/libvirt/images/probe.qcow2',
      '16M',
    ])
    await ssh.output('hypervisor-1', ['virsh', 'create', '/dev/stdin'], domain)
    // The engine is new; the image comes from the registry, which kept it.
    const system = ['/usr', '/lib', '/lib64'].flatMap((folder) => ['--volume', `${folder}:${folder}:ro`])
    const run = ['docker', 'run', '--detach', '--name', 'sleeper', '--network', 'host', ...system]
    await ssh.output('hypervisor-1', [...run, `${lab.registry}/tiny:pushed`, '/usr/bin/sleep', '300'])
    const names = ['docker', 'ps', '--format', '{{.Names}}']
    expect(await ssh.output('hypervisor-1', names)).toBe('sleeper\n')
    await labDown(name)
    expect(await machineSnapshot(name)).toEqual(before)
    await labDown(name)
  })
})
