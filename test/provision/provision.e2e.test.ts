/** Provisioning in a lab of its own: real SSH, libvirt, QEMU, Ignition and DHCP. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildGuestImage } from '../../lab/image/build.ts'
import { labDown, labUp } from '../../lab/lab.ts'
import type { LabDescription } from '../../lab/description.ts'
import { loadConfig } from '../../src/config/load.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { Virsh } from '../../src/transport/libvirt/virsh.ts'
import { cleanUpProvisioned, provision } from '../../provision/main.ts'
import { testLabName, whyNoLab } from '../lab/support.ts'

const folder = '/var/lib/libvirt/images'
/** A domain of somebody else, which needs no disk and never runs. */
const strangerDomain = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`

describe.skipIf(whyNoLab.length > 0)('provisioning in a lab', () => {
  let lab: LabDescription
  let image: string
  let cwd: string
  let hosts: SshHost[]
  const said: string[] = []

  beforeAll(async () => {
    cwd = mkdtempSync(path.join(tmpdir(), 'dpbench-provision-'))
    image = (await buildGuestImage({ log: () => undefined })).path
    lab = await labUp({ name: testLabName('prov'), guests: 'qemu', hypervisors: 2, log: () => undefined })
    hosts = await Promise.all(
      lab.hypervisors.map(({ name, address, port, hostKey }) =>
        connectHost({ name, address, port, user: 'root', keyFile: lab.keyFile, hostKey }),
      ),
    )
    // look-alikes, which must outlive everything below
    for (const host of hosts) {
      await host.run(
        shell(
          'mkdir -p "$1/dpbench-backup"; echo mine > "$1/base-0.raw"; echo mine > "$1/dpbench-backup/vm1.qcow2"',
          folder,
        ),
      )
      await host.writeFile('/tmp/stranger.xml', strangerDomain('vm1-copy'))
      await host.run(['virsh', 'define', '/tmp/stranger.xml'])
    }
  }, 900_000)

  afterAll(async () => {
    await Promise.all((hosts ?? []).map((host) => host.close()))
    if (lab) await labDown(lab.name)
    rmSync(cwd, { recursive: true, force: true })
  }, 360_000)

  const options = () => ({ cwd, diskTemplate: image, envConfigFile: lab.configFile })
  const deps = { log: (line: string) => void said.push(line) }
  const domains = () => Promise.all(hosts.map((host) => new Virsh(host).domainNames()))
  const files = async (): Promise<string[][]> =>
    Promise.all(
      hosts.map(async (host) =>
        (await host.run(['find', folder, '-type', 'f'])).stdout.trim().split('\n').sort(),
      ),
    )
  const strangersFiles = [`${folder}/base-0.raw`, `${folder}/dpbench-backup/vm1.qcow2`]

  async function expectOnlyStrangers(): Promise<void> {
    expect(await domains()).toEqual([['vm1-copy'], ['vm1-copy']])
    expect(await files()).toEqual([strangersFiles, strangersFiles])
    const { stdout } = await hosts[0]!.run(shell('pgrep -c qemu-system || true'))
    expect(stdout.trim()).toBe('0')
  }

  /** Runs provisioning in a process of its own and sends it `signal` once it has said `when`. */
  async function interrupted(when: RegExp, signal: NodeJS.Signals): Promise<number | null> {
    const args = ['--disk-template', image, '--env-config-file', lab.configFile]
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'provision-process.ts'), ...args], {
      cwd,
    })
    let text = ''
    let sent = false
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (sent || !when.test(text)) return
      sent = true
      child.kill(signal)
    })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    expect(sent, `it never said ${when}:\n${text}`).toBe(true)
    return code
  }

  test('what another made under that name ends it before anything is created', async () => {
    await hosts[0]!.writeFile('/tmp/stranger.xml', strangerDomain('vm1'))
    await hosts[0]!.run(['virsh', 'define', '/tmp/stranger.xml'])
    await expect(provision(options(), deps)).rejects.toThrow(
      /Nothing was created:.*domain vm1 is there that dpbench did not make/s,
    )
    expect(await files()).toEqual([strangersFiles, strangersFiles])
    await hosts[0]!.run(['virsh', 'undefine', 'vm1'])
  }, 360_000)

  test('another host key than the pinned one is refused', async () => {
    const config = JSON.parse(readFileSync(lab.configFile, 'utf8'))
    config.hypervisors[1].host_key = config.hypervisors[0].host_key
    const file = path.join(cwd, 'other-key.json')
    writeFileSync(file, JSON.stringify(config))
    await expect(provision({ ...options(), envConfigFile: file }, deps)).rejects.toMatchObject({
      code: 'DPBENCH_HOST_KEY',
      exitCode: 3,
    })
    await expectOnlyStrangers()
  }, 360_000)

  test.each<[RegExp, NodeJS.Signals, number | null]>([
    [/sending the disk image: 25/, 'SIGKILL', null],
    [/vm1: define the domain/, 'SIGKILL', null],
    [/vm3: has the lease|vm1: switch it on/, 'SIGTERM', 143],
  ])(
    'after %s, %s: nothing is left once it is cleaned up',
    async (when, signal, status) => {
      expect(await interrupted(when, signal)).toBe(status)
      if (signal === 'SIGKILL') await cleanUpProvisioned({ cwd }, deps)
      await expectOnlyStrangers()
    },
    180_000,
  )

  test('three VMs are made, and answer with their pinned host keys', async () => {
    const result = await provision(options(), deps)
    expect(result.vms.map(({ name, state }) => [name, state])).toEqual([
      ['vm1', 'created'],
      ['vm2', 'created'],
      ['vm3', 'created'],
    ])
    const config = await loadConfig({ cwd, file: lab.configFile })
    for (const vm of config.hypervisors.flatMap(({ vms }) => vms)) {
      const via = hosts.find(({ name }) => name === vm.hypervisor)!
      const address = {
        name: vm.name,
        address: vm.address!,
        port: 22,
        user: 'root',
        keyFile: lab.keyFile,
        hostKey: vm.hostKey,
      }
      await using guest = await connectHost(address, { via })
      expect((await guest.run(['cat', '/etc/hostname'])).stdout.trim()).toBe(vm.name)
      expect((await guest.run(shell('cat /sys/class/net/*/address'))).stdout).toContain(vm.macAddress)
    }
    // once per hypervisor, without its holes
    const sent = said.filter((line) => /disk image received/.test(line)).slice(-2)
    expect(sent).toHaveLength(2)
    const [local] = await Promise.all(
      hosts.map((host) => host.run(shell('du -B1 "$1"/dpbench/base-*.raw | cut -f1', folder))),
    )
    expect(Number(local!.stdout)).toBeLessThan(800e6)
  }, 600_000)

  test('a second run changes nothing', async () => {
    const snapshot = async () => [
      await Promise.all(
        hosts.map(
          async (host) =>
            (
              await host.run(
                shell(
                  'find "$1" ! -name "*.qcow2" ! -name "*.log" -type f -printf "%p %s %C@\\n" | sort; pgrep qemu-system',
                  folder,
                ),
              )
            ).stdout,
        ),
      ),
      ...['journal.jsonl', 'working.json', 'environment.json'].map((name) =>
        readFileSync(path.join(cwd, '.dpbench', lab.name, name), 'utf8'),
      ),
    ]
    const before = await snapshot()
    const result = await provision(options(), deps)
    expect(result.vms.map(({ state }) => state)).toEqual(['unchanged', 'unchanged', 'unchanged'])
    expect(await snapshot()).toEqual(before)
  }, 900_000)

  test('a VM that is off is switched on; one that should be another is told', async () => {
    await hosts[1]!.run(['virsh', 'destroy', 'vm3'])
    const result = await provision(options(), deps)
    expect(result.vms.map(({ state }) => state)).toEqual(['unchanged', 'unchanged', 'started'])
    const config = JSON.parse(readFileSync(lab.configFile, 'utf8'))
    config.libvirt.memory_mib += 1
    const file = path.join(cwd, lab.name, 'config.json')
    mkdirSync(path.dirname(file))
    writeFileSync(file, JSON.stringify(config))
    await expect(provision({ ...options(), envConfigFile: file }, deps)).rejects.toThrow(
      /another domain document.*--clean-up/s,
    )
  }, 900_000)

  test('clean-up needs no config, takes what was made, and leaves the look-alikes', async () => {
    rmSync(lab.configFile)
    await cleanUpProvisioned({ cwd }, deps)
    await expectOnlyStrangers()
    expect(said.at(-1)).toContain('is removed')
    await cleanUpProvisioned({ cwd }, deps)
    expect(said.at(-1)).toContain('Nothing of')
  }, 360_000)
})
