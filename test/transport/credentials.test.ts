/** Credentials of registries, with a config of Docker's and a credential helper that the test writes. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError, DeployError, describeError } from '../../src/core/errors.ts'
import { findCredentials } from '../../src/transport/docker/credentials.ts'
import { scratchFolder } from '../scratch-folder.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** An environment with this config; `helpers` are shell scripts by name. */
async function dockerUser(
  config: unknown,
  helpers: Readonly<Record<string, string>> = {},
): Promise<NodeJS.ProcessEnv & { folder: string }> {
  const folder = await scratchFolder()
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(folder, 'bin', `docker-credential-${name}`)
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
  }
  return { DOCKER_CONFIG: folder, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, folder }
}

/** Knows one registry, and notes what it was asked. */
const knowsOne = `read -r server; echo "$1 $server" >> "$DOCKER_CONFIG/asked"
if [ "$server" = reg.example:5000 ]; then echo '{"ServerURL":"reg.example:5000","Username":"ann","Secret":"s3cret"}'
else echo "credentials not found in native keychain"; exit 1; fi`

describe('auths', () => {
  test('user and password, also with a colon in it, and by URL', async () => {
    const env = await dockerUser({
      auths: {
        'reg.example:5000': { auth: base64('ann:s3:cret') },
        'https://b.example/v2/': { auth: base64('b:c') },
      },
    })
    const ann = { username: 'ann', password: 's3:cret', serveraddress: 'reg.example:5000' }
    expect(await findCredentials('reg.example:5000', env)).toEqual(ann)
    expect(await findCredentials('b.example', env)).toMatchObject({ username: 'b', password: 'c' })
    expect(await findCredentials('reg.example', env)).toBeUndefined()
  })

  test("Docker Hub's, under the name that docker gives it, and a token", async () => {
    const env = await dockerUser({
      auths: {
        'https://index.docker.io/v1/': { auth: base64('u:p') },
        't.example': { identitytoken: 'tok' },
      },
    })
    expect(await findCredentials('docker.io', env)).toMatchObject({ username: 'u' })
    expect(await findCredentials('t.example', env)).toEqual({
      identitytoken: 'tok',
      serveraddress: 't.example',
    })
  })

  test('no config, and the home folder where DOCKER_CONFIG is not set', async () => {
    const folder = await scratchFolder()
    expect(await findCredentials('r.example', { DOCKER_CONFIG: folder })).toBeUndefined()
    await mkdir(join(folder, '.docker'))
    await writeFile(
      join(folder, '.docker/config.json'),
      JSON.stringify({ auths: { 'r.example': { auth: base64('a:b') } } }),
    )
    expect(await findCredentials('r.example', { HOME: folder })).toMatchObject({ username: 'a' })
  })
})

describe('credential helpers', () => {
  test('of one registry, before the store and auths', async () => {
    const env = await dockerUser(
      {
        auths: { 'reg.example:5000': { auth: base64('old:old') } },
        credHelpers: { 'reg.example:5000': 'own' },
        credsStore: 'never',
      },
      { own: knowsOne, never: 'exit 9' },
    )
    expect(await findCredentials('reg.example:5000', env)).toEqual({
      username: 'ann',
      password: 's3cret',
      serveraddress: 'reg.example:5000',
    })
    expect(await readFile(join(env.folder, 'asked'), 'utf8')).toBe('get reg.example:5000\n')
  })

  test('the store for all, which may know of none, and give a token', async () => {
    const store = await dockerUser({ credsStore: 'all' }, { all: knowsOne })
    expect(await findCredentials('reg.example:5000', store)).toMatchObject({ username: 'ann' })
    expect(await findCredentials('other.example', store)).toBeUndefined()
    const token = await dockerUser(
      { credsStore: 'all' },
      { all: `echo '{"Username":"<token>","Secret":"t0k"}'` },
    )
    expect(await findCredentials('x.example', token)).toEqual({
      identitytoken: 't0k',
      serveraddress: 'x.example',
    })
  })
})

describe('faults are told with what to do, and never with a secret', () => {
  test.each([
    ['no JSON', '{ "auths": { "r.example": { "auth": "czNjcmV0', {}, ConfigError, /config\.json.* is broken/],
    ['another form', { auths: { 'r.example': { auth: 17, x: 's3cret' } } }, {}, ConfigError, /is broken/],
    [
      'no user',
      { auths: { 'r.example': { auth: base64('s3cret') } } },
      {},
      ConfigError,
      /docker login r\.example/,
    ],
    [
      'no such helper',
      { credsStore: 'nowhere' },
      {},
      ConfigError,
      /docker-credential-nowhere cannot be started/,
    ],
    [
      'a helper that fails',
      { credsStore: 'f' },
      { f: 'echo s3cret; echo s3cret >&2; exit 4' },
      DeployError,
      /docker-credential-f failed with exit code 4 when asked for r\.example/,
    ],
    ['a helper that babbles', { credsStore: 'f' }, { f: 'echo s3cret' }, DeployError, /not its JSON/],
  ] as const)('%s', async (_, config, helpers, kind, message) => {
    const env = await dockerUser(config, helpers)
    const error = await findCredentials('r.example', env).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(kind)
    expect(describeError(error)).toMatch(message)
    expect(describeError(error)).not.toMatch(/s3cret|czNjcmV0/)
  })
})
