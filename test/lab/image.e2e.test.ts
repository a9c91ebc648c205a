import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GuestImage, buildGuestImage } from '../../lab/image/build.ts'
import { runLocally } from '../../src/core/local-command.ts'
import { DirectGuest } from './direct-guest.ts'
import { type DocumentKeys, guestDocument } from './guest-document.ts'

// A boot takes 10 s on two idle cores; the deadlines are for machines that do something else as well.
const bootTimeoutMs = 420_000

describe.skipIf(process.getuid?.() !== 0)('the guest image (needs root)', () => {
  let image: GuestImage
  let folder: string
  let keys: DocumentKeys
  let hostKey: string

  beforeAll(async () => {
    image = await buildGuestImage({ log: () => undefined })
    folder = await mkdtemp(join(tmpdir(), 'dpbench-image-'))
    for (const name of ['user_key', 'host_key']) {
      await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)])
    }
    keys = {
      userPublicKey: (await readFile(join(folder, 'user_key.pub'), 'utf8')).trim(),
      hostPrivateKey: await readFile(join(folder, 'host_key'), 'utf8'),
      hostPublicKey: await readFile(join(folder, 'host_key.pub'), 'utf8'),
    }
    hostKey = keys.hostPublicKey.trim()
  }, 900_000)

  afterAll(async () => await rm(folder, { recursive: true, force: true }))

  async function overlay(name: string): Promise<string> {
    const path = join(folder, `${name}.qcow2`)
    await runLocally(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.path, path])
    return path
  }

  async function document(name: string, content: unknown): Promise<string> {
    const path = join(folder, `${name}.ign`)
    await writeFile(path, JSON.stringify(content))
    return path
  }

  test('becomes what the Ignition document says, once', { timeout: 3 * bootTimeoutMs }, async () => {
    const path = await document('guest', guestDocument(keys))
    await runLocally(['ignition-validate', path])
    const disk = await overlay('guest')
    const root = (guest: DirectGuest, command: string): Promise<string> => guest.ssh('root', hostKey, command)
    let bootId: string
    {
      await using guest = await DirectGuest.start({ folder, disk, document: path })
      await guest.loggedIn('root', hostKey, bootTimeoutMs)
      expect(await root(guest, 'hostname')).toBe('vm-under-test')
      expect(await root(guest, 'cat /var/lib/bench/marks')).toBe('vm-under-test')
      expect(await root(guest, "cat '/opt/text with spaces'")).toBe('first line\n"second" line ✓')
      const modes = await root(
        guest,
        "stat -c '%a %U' '/opt/text with spaces' /var/lib/bench /etc/sudoers.d/bench",
      )
      expect(modes.split('\n')).toEqual(['604 root', '750 root', '440 root'])
      expect(await root(guest, 'systemctl is-system-running --wait')).toBe('running')
      expect(await root(guest, 'iperf3 --version')).toMatch(/^iperf 3\./)
      expect(await root(guest, 'ls /etc/ssh | grep -c ssh_host_.*_key$')).toBe('1')
      expect(await guest.ssh('bench', hostKey, 'id -un; sudo -n id -un')).toBe('bench\nroot')
      const stranger = await guest.trySsh('root', keys.userPublicKey, 'true')
      expect(stranger.exitCode).toBe(255)
      expect(stranger.stderr).toContain('Host key verification failed')
      bootId = await root(guest, 'cat /proc/sys/kernel/random/boot_id')
      await root(guest, "echo changed >'/opt/text with spaces'; sync")
      await guest.pressPowerButton()
      await guest.off(bootTimeoutMs)
    }
    await using guest = await DirectGuest.start({ folder, disk, document: path })
    await guest.loggedIn('root', hostKey, bootTimeoutMs)
    expect(await root(guest, 'cat /proc/sys/kernel/random/boot_id')).not.toBe(bootId)
    expect(guest.console).not.toContain('applying the Ignition document')
    expect(await root(guest, "cat '/opt/text with spaces'")).toBe('changed')
    expect(await root(guest, 'cat /var/lib/bench/marks')).toBe('vm-under-test\nvm-under-test')
    expect(await root(guest, 'grep -c "Stage: files" /var/lib/dpbench-guest/ignition.log')).toBe('1')
  })

  test.each([
    ['none', undefined, 'no Ignition document'],
    ['unknown version', { ignition: { version: '9.9.9' } }, 'Ignition failed at stage fetch-offline'],
    [
      'a user group that is not there',
      { ignition: { version: '3.3.0' }, passwd: { users: [{ name: 'bench', groups: ['nowhere'] }] } },
      'Ignition failed at stage files',
    ],
    [
      'disks',
      {
        ignition: { version: '3.3.0' },
        storage: { disks: [{ device: '/dev/vdb', wipeTable: true }] },
      },
      'lays out disks',
    ],
  ])(
    'switches itself off when the document is wrong: %s',
    { timeout: bootTimeoutMs },
    async (name, content, says) => {
      const path = content && (await document(name, content))
      const disk = await overlay(name)
      await using guest = await DirectGuest.start({ folder, disk, ...(path ? { document: path } : {}) })
      await guest.off(bootTimeoutMs)
      expect(guest.console).toContain('FATAL')
      expect(guest.console).toContain(says)
      expect(guest.console).not.toContain('starting systemd')
    },
  )
})
