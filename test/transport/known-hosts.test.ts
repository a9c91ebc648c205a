/** known_hosts in all its forms, against a real sshd; hashed lines are ssh-keygen's own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { knownHostLines } from '../../src/transport/ssh/known-hosts.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'
import { scratchFolder } from '../scratch-folder.ts'

let sshd: TestSshd
/** `ssh-ed25519 AAAA…` of the host, and of a machine that is not it. */
let own: string
let other: string
let place: string
beforeAll(async () => {
  sshd = await startSshd()
  own = sshd.address.hostKey!.split(' ').slice(0, 2).join(' ')
  await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(sshd.folder, 'other')])
  other = (await readFile(join(sshd.folder, 'other.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  place = `[127.0.0.1]:${sshd.address.port}`
})
afterAll(() => sshd[Symbol.asyncDispose]())
afterEach(() => void vi.unstubAllEnvs())

const rsa = 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7'
const fingerprint = async (line: string): Promise<string> =>
  (await runLocally(['ssh-keygen', '-lf', '-'], { input: `${line}\n` })).stdout.split(' ')[1]!

/** Logs in with this known_hosts. @param hostKey the config's */
async function login(
  lines: readonly string[],
  { hash = false, hostKey = undefined as string | undefined } = {},
): Promise<void> {
  const home = scratchFolder()
  await mkdir(join(home, '.ssh'))
  const file = join(home, '.ssh/known_hosts')
  await writeFile(file, lines.map((line) => `${line}\n`).join(''))
  if (hash) {
    await runLocally(['ssh-keygen', '-q', '-H', '-f', file])
    expect(await readFile(file, 'utf8')).toContain('|1|')
  }
  vi.stubEnv('HOME', home)
  await using host = await connectHost({ ...sshd.address, hostKey }, { timeoutMs: 10_000 })
  await host.run(['true'])
}

describe('a host is known', () => {
  test('by address and port', () => login([`${place} ${own}`]))
  test('by a hashed name', () => login([`${place} ${own}`], { hash: true }))
  test('among several keys and comments', () =>
    login(['# mine', '', `${place} ${rsa}`, `example.org,${place} ${own} me@here`, 'not a line at all']))
  test('by a pattern', () => login([`[127.0.0.?]:* ${own}`]))
  test('by its bare address, where no line names the port, as for ssh', () => login([`127.0.0.1 ${own}`]))
})

describe('a host is refused', () => {
  test('that is in no line: never trusted on first use', async () => {
    for (const lines of [
      [],
      [`[127.0.0.1]:1 ${own}`],
      [`!${place},[127.0.0.1]:* ${own}`],
      [`192.0.2.1 ${own}`],
    ]) {
      await expect(login(lines)).rejects.toThrow(
        new RegExp(
          `no host key is known for \\[127.0.0.1\\]:\\d+; write its own key into the config as "host_key"`,
        ),
      )
    }
  })

  test.each([false, true])(
    'whose key has changed: both fingerprints, the line, what to do (hashed: %s)',
    async (hash) => {
      const failed = login([`${place} ${other}`], { hash })
      await expect(failed).rejects.toMatchObject({ code: 'DPBENCH_HOST_KEY', exitCode: 3 })
      const message = await failed.catch((error: Error) => error.message)
      expect(message).toContain(
        `presented ${await fingerprint(own)}, expected ${await fingerprint(other)} (known_hosts: `,
      )
      expect(message).toMatch(
        /known_hosts:1\)\. If the machine was reinstalled, compare .* type ssh-keygen -R '\[127\.0\.0\.1\]:\d+'/,
      )
    },
  )

  test('whose key has changed its type too', async () => {
    const message = await login([`${place} ${rsa}`]).catch((error: Error) => error.message)
    expect(message).toContain(
      `(ssh-ed25519) is not the pinned one: presented ${await fingerprint(own)}, expected SHA256:`,
    )
  })

  test('whose key is revoked, also where the config or another line pins it', async () => {
    for (const hostKey of [undefined, own, await fingerprint(own)]) {
      const failed = login([`${place} ${own}`, `@revoked * ${own}`], { hostKey })
      await expect(failed).rejects.toMatchObject({ code: 'DPBENCH_HOST_KEY' })
      await expect(failed).rejects.toThrow(
        new RegExp(`${(await fingerprint(own)).replaceAll(/[+/]/g, '.')}\\) is revoked by .*known_hosts:2`),
      )
    }
    await login([`${place} ${own}`, `@revoked * ${other}`])
  })

  test('that only a certificate authority vouches for', async () => {
    await expect(login([`@cert-authority ${place} ${other}`])).rejects.toThrow(
      /known_hosts:1 names a certificate authority for .*, and host certificates are not verified here: write its own key/,
    )
    await login([`@cert-authority * ${other}`, `${place} ${own}`])
  })

  test('where the config pins another key than known_hosts: the config counts', async () => {
    const failed = login([`${place} ${own}`], { hostKey: other })
    await expect(failed).rejects.toThrow(/\(config\)\. If the machine was reinstalled, .*update "host_key"/)
    await login([`${place} ${other}`], { hostKey: own })
  })

  test('where the file cannot be read, for it may revoke a key', async () => {
    const home = scratchFolder()
    await mkdir(join(home, '.ssh/known_hosts'), { recursive: true })
    vi.stubEnv('HOME', home)
    await expect(connectHost(sshd.address)).rejects.toThrow(/known_hosts cannot be read \(EISDIR\)/)
  })
})

test('lines are told apart without a network', () => {
  const text = `a.example ${own}\nB.Example,10.0.0.? ${own}\n@revoked a.example ${other}\n@unknown a.example ${own}\n`
  const of = (name: string): string[] =>
    knownHostLines(text, 'f', name).map(({ at, marker }) => `${at} ${marker}`)
  expect(of('a.example')).toEqual(['f:1 undefined', 'f:3 revoked'])
  expect(of('b.example')).toEqual(['f:2 undefined'])
  expect(of('10.0.0.7')).toEqual(['f:2 undefined'])
  expect(of('10.0.0.77')).toEqual([])
  expect(of('aXexample')).toEqual([])
})
