/** Logging in to a real sshd with keys of every kind, with and without a real ssh-agent. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { runLocally } from '../../src/core/local-command.ts'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { waitFor } from '../../src/core/wait.ts'
import { passphraseVariable } from '../../src/core/passphrase.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { type TestSshd, startSshd } from '../helpers/sshd.ts'

const passphrase = 'correct horse battery'
let sshd: TestSshd
beforeAll(async () => void (sshd = await startSshd(['AllowAgentForwarding yes'])))
afterAll(() => sshd[Symbol.asyncDispose]())
afterEach(() => void vi.unstubAllEnvs())

/** A key that the host accepts. @param format of ssh-keygen; OpenSSH's own by default */
async function key(
  name: string,
  type: string,
  options: { secret?: string; format?: string } = {},
): Promise<string> {
  const file = join(sshd.folder, name)
  const [kind, bits] = type.split('-')
  const form = options.format === undefined ? [] : ['-m', options.format]
  await runLocally([
    'ssh-keygen',
    '-q',
    '-t',
    kind!,
    ...(bits ? ['-b', bits] : []),
    ...form,
    '-N',
    options.secret ?? '',
    '-C',
    name,
    '-f',
    file,
  ])
  await admit(await readFile(`${file}.pub`, 'utf8'))
  return file
}

const admit = (publicKey: string): Promise<void> => appendFile(join(sshd.folder, 'client.pub'), publicKey)

async function login(keyFile: string): Promise<string> {
  await using host = await connectHost({ ...sshd.address, keyFile })
  return (await host.run(['sh', '-c', 'echo "in${SSH_AUTH_SOCK-}"'])).stdout
}

/** The user's own ssh-agent, with these keys in it. */
async function agentWith(...files: readonly string[]): Promise<string> {
  const socket = join(sshd.folder, `agent-${Math.random().toString(36).slice(2)}`)
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  onTestFinished(async () => {
    agent.kill()
    if (agent.exitCode === null) await once(agent, 'exit')
  })
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  await waitFor(
    async () => {
      const { code } = await addKeys(env, ['-l'])
      return code === 2 ? { state: 'pending' } : { state: 'ready', value: true }
    },
    { what: 'the ssh-agent', timeoutMs: 5000 },
  )
  for (const file of files) expect(await addKeys(env, ['-q', file])).toMatchObject({ code: 0 })
  vi.stubEnv('SSH_AUTH_SOCK', socket)
  return socket
}

/** ssh-add asks a program for the passphrase where it has no terminal. */
async function addKeys(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<{ code: number | null }> {
  const answer = join(sshd.folder, 'answer')
  await writeFile(answer, `#!/bin/sh\necho '${passphrase}'\n`, { mode: 0o755 })
  const child = spawn('ssh-add', [...args], {
    env: { ...env, SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force' },
    stdio: 'ignore',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return { code }
}

describe.each(['', passphrase])('with the passphrase "%s"', (secret) => {
  test.each([
    ['ed25519', undefined],
    ['ecdsa-256', undefined],
    ['ecdsa-521', 'PEM'],
    ['ecdsa-384', 'PKCS8'],
    ['rsa-2048', undefined],
    ['rsa-2048', 'PEM'],
    ['rsa-3072', 'PKCS8'],
  ])('%s in the form %s', async (type, format) => {
    if (secret) vi.stubEnv(passphraseVariable, secret)
    const file = await key(`${type}-${format}-${secret.length}`, type, { secret, ...(format && { format }) })
    const text = await readFile(file, 'utf8')
    expect(text).toContain(format === undefined ? 'BEGIN OPENSSH' : 'PRIVATE KEY')
    if (format !== undefined) expect(text).not.toContain('OPENSSH')
    expect(await login(file)).toBe('in\n')
  })
})

test('an Ed25519 key as openssl writes it, in clear and encrypted', async () => {
  const [file, encrypted] = [join(sshd.folder, 'pkcs8'), join(sshd.folder, 'pkcs8-encrypted')]
  await runLocally(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', file])
  await runLocally([
    'openssl',
    'pkcs8',
    '-topk8',
    '-in',
    file,
    '-out',
    encrypted,
    '-passout',
    `pass:${passphrase}`,
  ])
  for (const each of [file, encrypted]) await chmod(each, 0o600)
  const { createPublicKey } = await import('node:crypto')
  const { x = '' } = createPublicKey(await readFile(file)).export({ format: 'jwk' })
  const head = Buffer.from('0000000b7373682d6564323535313900000020', 'hex')
  await admit(`ssh-ed25519 ${Buffer.concat([head, Buffer.from(x, 'base64url')]).toString('base64')}\n`)
  expect(await login(file)).toBe('in\n')
  vi.stubEnv(passphraseVariable, passphrase)
  expect(await login(encrypted)).toBe('in\n')
})

describe('what cannot be used is said, at once', () => {
  test('no passphrase: all three ways to tell it', async () => {
    vi.stubEnv('SSH_AUTH_SOCK', '')
    const file = await key('locked', 'ed25519', { secret: passphrase })
    const program = `import { connectHost } from ${JSON.stringify(`${process.cwd()}/src/transport/ssh/connect.ts`)}
await connectHost(${JSON.stringify({ ...sshd.address, keyFile: file })}).catch((error) => console.log(error.exitCode, error.message))`
    // a session of its own has no terminal
    const { stdout } = await runLocally(['setsid', process.execPath, '--input-type=module', '-e', program])
    expect(stdout).toMatch(
      /^2 .*locked is encrypted, and nobody tells its passphrase: type ssh-add .*DPBENCH_KEY_PASSPHRASE.*terminal/,
    )
  })

  test('another passphrase', async () => {
    const file = await key('other', 'ed25519', { secret: passphrase })
    vi.stubEnv(passphraseVariable, 'not it')
    const failed = login(file)
    await expect(failed).rejects.toMatchObject({ exitCode: 2 })
    await expect(failed).rejects.toThrow(`${file}: its passphrase is not the one in DPBENCH_KEY_PASSPHRASE`)
    await expect(failed).rejects.not.toThrow(/not it/)
  })

  test.each(['0644', '0640', '0604'])('a file of mode %s', async (mode) => {
    const file = await key(`open-${mode}`, 'ed25519')
    await chmod(file, Number.parseInt(mode, 8))
    await expect(login(file)).rejects.toThrow(
      `${file} may be read by others (mode ${mode}), so it is not used: chmod 600 ${file}`,
    )
    const link = `${file}-link`
    await symlink(file, link)
    await expect(login(link)).rejects.toThrow(/may be read by others/)
  })

  test('no key at all, a folder, nothing', async () => {
    const file = join(sshd.folder, 'words')
    await writeFile(file, 'hello\n', { mode: 0o600 })
    await expect(login(file)).rejects.toThrow(/words cannot be used as a private key: /)
    await mkdir(`${file}.d`)
    await expect(login(`${file}.d`)).rejects.toThrow(/cannot read the private key .*words\.d/)
    await expect(login(`${file}.none`)).rejects.toThrow(/cannot read the private key .*words\.none/)
  })
})

describe('with a real ssh-agent', () => {
  test.each(['ed25519', 'ecdsa-256', 'rsa-2048'])(
    'an encrypted %s key that it holds needs no passphrase',
    async (type) => {
      const file = await key(`held-${type}`, type, { secret: passphrase })
      await agentWith(file)
      expect(await login(file), 'the agent is not forwarded').toBe('in\n')
    },
  )

  test('a private half that is nowhere else: the public key names it', async () => {
    const file = await key('nowhere', 'ed25519')
    await agentWith(file)
    await rm(file)
    expect(await login(`${file}.pub`)).toBe('in\n')
  })

  test('an encrypted PEM key is known by the public key beside it', async () => {
    const file = await key('pem-held', 'rsa-2048', { secret: passphrase, format: 'PEM' })
    await agentWith(file)
    expect(await login(file)).toBe('in\n')
  })

  test('no other key of the agent is offered', async () => {
    const [good, stranger] = [await key('good', 'ed25519'), join(sshd.folder, 'stranger')]
    await runLocally(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', stranger])
    await agentWith(good)
    await expect(login(`${stranger}.pub`)).rejects.toThrow(
      /stranger\.pub is a public key, and the ssh-agent at .* does not have its private half: type ssh-add/,
    )
    expect(await login(stranger).catch((error: Error) => error.message)).toMatch(
      /does not accept the key .*stranger;/,
    )
  })

  test('an agent that has gone', async () => {
    const file = await key('gone', 'ed25519')
    vi.stubEnv('SSH_AUTH_SOCK', join(sshd.folder, 'no-agent'))
    await expect(login(`${file}.pub`)).rejects.toThrow(/the ssh-agent at .*no-agent does not answer/)
    vi.stubEnv('SSH_AUTH_SOCK', '')
    await expect(login(`${file}.pub`)).rejects.toThrow(/there is no ssh-agent \(SSH_AUTH_SOCK is not set\)/)
  })
})

describe('at a terminal', () => {
  /** Connects twice at once, as two hypervisors do; what `script` shows is what a person sees. */
  async function typed(keys: string): Promise<string> {
    const file = await key(`asked-${keys.length}`, 'ed25519', { secret: passphrase })
    const address = { ...sshd.address, keyFile: file }
    const program = `import { connectHost } from ${JSON.stringify(`${process.cwd()}/src/transport/ssh/connect.ts`)}
const one = async () => { await using host = await connectHost(${JSON.stringify(address)}); console.log('OUT', (await host.run(['echo', 'hello'])).stdout) }
await Promise.all([one(), one()]).catch((error) => console.log(error.exitCode, error.message))`
    const env = { ...process.env, SSH_AUTH_SOCK: '', [passphraseVariable]: undefined }
    const command = quoteArgv([process.execPath, '--input-type=module', '-e', program])
    const child = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], { env })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (chunk.includes('Passphrase for')) child.stdin.write(keys)
    })
    await once(child, 'close')
    return text
  }

  test('it is asked for once, and not shown', async () => {
    const text = await typed(`wrong\u0015${passphrase}x\u007f\r`)
    expect(text.match(/Passphrase for/g)).toHaveLength(1)
    expect(text.match(/OUT hello/g)).toHaveLength(2)
    expect(text).not.toContain('horse')
  })

  test('Ctrl-C ends it', async () => {
    expect(await typed('corr\u0003')).toMatch(/no passphrase was typed: nothing was done/)
  })
})
