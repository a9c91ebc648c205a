/** A user without root, an encrypted key, the least privileges; and what of the controller's keys is seen on the machines. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { whyNoLab } from '../lab/support.ts'
import { type TestLab, useLab } from './support/lab.ts'
import { Project, dpbenchBin } from './support/project.ts'

const user = 'bench'
const passphrase = 'a passphrase of the test'
const hypervisors = ['hypervisor-1', 'hypervisor-2']

/** Of softplane's container: docs/privileges.md says so. */
const leastPrivileges = {
  privileged: false,
  cap_drop: ['ALL'],
  cap_add: ['NET_ADMIN', 'SYS_ADMIN', 'NET_RAW', 'NET_BIND_SERVICE'],
  no_new_privileges: true,
}

/** A test looks for the key while the data plane runs, and an iperf3 with it. */
const suites = {
  'scan.test.ts': `import { expect, test } from 'dpbench'
import { readFileSync } from 'node:fs'
const secrets = JSON.parse(readFileSync(process.env.SCANNED_FOR, 'utf8'))
const script = 'looked=$(cat); printf "%s\\n" "$looked" | grep -lsF -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline; ' +
  'printf "%s\\n" "$looked" | grep -rlsF -f - /root /home /tmp /run /var/tmp /var/lib/libvirt /etc; ' +
  'grep -lszE "^(SSH_AUTH_SOCK|DPBENCH_KEY_PASSPHRASE)=" /proc/[0-9]*/environ; echo looked'
const decoy = '/tmp/dpbench-decoy'
test('no key on a machine', async ({ vm, hypervisor, placement, dataplane, traffic }) => {
  const { from, to } = placement.acrossHypervisors()
  await dataplane.route(from, to)
  const measured = traffic.iperf3({ from, to, family: 'ipv4' })
  for (const machine of [hypervisor['hypervisor-1'], hypervisor['hypervisor-2'], vm.vm1, vm.vm3]) {
    await machine.succeed('echo "A line that is looked for, too" > ' + decoy)
    const { stdout } = await machine.ssh.run(['sh', '-c', script], { input: secrets.join('\\n') })
    await machine.succeed('rm ' + decoy)
    expect(stdout).toBe(decoy + '\\nlooked\\n')
  }
  expect(await measured).toReachExpected('remote_vm2vm')
})
`,
}

async function addUser(lab: TestLab): Promise<void> {
  const script = `id ${user} > /dev/null 2>&1 || useradd -m -s /bin/bash -p '*' -G docker ${user}
    install -d -m 700 -o ${user} /home/${user}/.ssh
    install -m 600 -o ${user} /root/.ssh/authorized_keys /home/${user}/.ssh/authorized_keys
    echo '${user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/dpbench`
  for (const each of hypervisors) await lab.shell(each, script)
}

describe.skipIf(whyNoLab.length > 0)('without root', { timeout: 360_000 }, () => {
  const lab = useLab()
  beforeAll(() => addUser(lab), 180_000)

  test('a run with an encrypted key and the least privileges; no key, passphrase or agent on any machine', async () => {
    let plain = ''
    const project = await Project.create(lab, {
      suites,
      edit: (config) => (plain = config.key_file),
    })
    const key = join(project.folder, 'key')
    await runLocally(['install', '-m', '600', plain, key])
    await runLocally(['ssh-keygen', '-q', '-p', '-P', '', '-N', passphrase, '-f', key])
    await project.writeConfig(lab, (config) => {
      config.key_file = key
      for (const each of config.hypervisors) {
        each.user_name = user
        Object.assign(each.dpservice, leastPrivileges)
      }
    })
    const lines = async (file: string): Promise<string[]> =>
      (await readFile(file, 'utf8'))
        .split('\n')
        .filter((line) => line.length === 70)
        .slice(1, 3)
    const scanned = join(project.folder, 'scanned.json')
    // the last is in a decoy: a look that finds nothing at all would be none
    await writeFile(
      scanned,
      JSON.stringify([
        ...(await lines(plain)),
        ...(await lines(key)),
        passphrase,
        'A line that is looked for, too',
      ]),
    )
    const secret = { SCANNED_FOR: scanned, DPBENCH_KEY_PASSPHRASE: passphrase, SSH_AUTH_SOCK: '/nobody' }
    const argv = [dpbenchBin, 'run', '--env-config-file', project.configFile, '--mode', 'offload']
    const { status, text } = await project.startNode(argv, secret).ended
    expect(status, text).toBe(0)
    expect(text).toMatch(/PASS: /)
    for (const name of ['run.json', 'report.html', 'junit.xml', 'summary.md'])
      expect(await project.resultFile(name)).not.toContain(passphrase)
  })

  test('what sudo or the socket refuses is a sentence with the command and the way out', async () => {
    const [name] = hypervisors as [string]
    const { key_file: keyFile, hypervisors: all } = lab.config as never as {
      key_file: string
      hypervisors: { host_address: string; host_key: string }[]
    }
    const { host_address: address, host_key: hostKey } = all[0]!
    await using host = await connectHost({ name, address, port: 22, user, keyFile, hostKey, sudo: true })
    const sudoers = (text: string): Promise<string> =>
      lab.shell(name, `echo '${text}' > /etc/sudoers.d/dpbench`)
    const refused = async (text: string, found: RegExp): Promise<void> => {
      await sudoers(text)
      for (const run of [host.run, host.tryRun])
        await expect(run.call(host, ['virsh', 'list'])).rejects.toThrow(found)
    }
    try {
      await refused(
        `${user} ALL=(ALL) ALL`,
        /sudo asks bench for a password, so this did not run as root: virsh list; allow it as root there \(echo 'bench ALL=\(ALL\) NOPASSWD: ALL'/,
      )
      await refused(
        `Defaults requiretty\n${user} ALL=(ALL) NOPASSWD: ALL`,
        /sudo wants a terminal \(requiretty .*virsh list.*!requiretty/,
      )
      await refused(
        `${user} ALL=(ALL) NOPASSWD: /bin/true`,
        /sudo (?:does not allow bench this command|asks bench for a password).*virsh list/,
      )
      await refused('# nobody', /(?:bench may not use sudo|sudo asks bench for a password).*virsh list/)
      await sudoers(`${user} ALL=(ALL) NOPASSWD: ALL`)
      expect((await host.run(['id', '-un'])).stdout).toBe('root\n')
      await expect(host.run(['virsh', 'no-such-command'])).rejects.toThrow(/command failed with exit code 1/)
      await lab.shell(name, 'mv /usr/bin/sudo /usr/bin/sudo.away')
      await expect(host.run(['virsh', 'list'])).rejects.toThrow(
        /there is no sudo, .*virsh list; install sudo there/,
      )
    } finally {
      await lab.shell(name, '[ ! -e /usr/bin/sudo.away ] || mv /usr/bin/sudo.away /usr/bin/sudo')
    }
    await using plain = await connectHost({ name, address, port: 22, user, keyFile, hostKey, sudo: false })
    await expect(plain.run(['cat', '/etc/shadow'])).rejects.toThrow(
      /bench may not do this, which needs root: cat \/etc\/shadow; take "sudo": false out/,
    )
    await lab.shell(name, `gpasswd -d ${user} docker`)
    await using outside = await connectHost({ name, address, port: 22, user, keyFile, hostKey, sudo: true })
    await expect(outside.openUnixSocket('/var/run/docker.sock')).rejects.toThrow(
      /bench may not open it \(usermod -aG docker bench/,
    )
  })
})
