/**
 * A registry's credentials from the controller's usual Docker config, found as the docker program finds them: a
 * credential helper of that registry, the credentials store, `auths`. They are given to an engine with a pull
 * and kept nowhere.
 */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type CommandResult } from '../../core/command-result.ts'
import { ConfigError, DeployError } from '../../core/errors.ts'
import { rememberSecret } from '../../core/known-secrets.ts'
import { parseJson } from '../../core/json.ts'
import { tryLocally } from '../../core/local-command.ts'

/** As the engine's API takes it in `X-Registry-Auth`. */
export type RegistryCredentials =
  | { readonly username: string; readonly password: string; readonly serveraddress: string }
  | { readonly identitytoken: string; readonly serveraddress: string }

/** Under which docker keeps the login of Docker Hub. */
const dockerHub = 'https://index.docker.io/v1/'

const authEntry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
})
const dockerConfig = z.looseObject({
  auths: z.record(z.string(), authEntry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
})
type DockerConfig = z.output<typeof dockerConfig>
const helperAnswer = z.looseObject({ Username: z.string(), Secret: z.string() })

/** `$DOCKER_CONFIG/config.json`, or that of `~/.docker`. */
export function dockerConfigFile(env: NodeJS.ProcessEnv): string {
  return join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json')
}

/**
 * The credentials for `registry` (`host[:port]`, `docker.io`); undefined where there are none: many registries ask for none.
 * @throws ConfigError for a file that cannot be read, DeployError for a helper that fails
 */
export async function findCredentials(
  registry: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegistryCredentials | undefined> {
  const file = dockerConfigFile(env)
  const config = await readDockerConfig(file)
  if (!config) return undefined
  const server = registry === 'docker.io' ? dockerHub : registry
  const helper = config.credHelpers?.[server] ?? config.credHelpers?.[registry] ?? config.credsStore
  const found = helper ? await askHelper(helper, server, file, env) : fromAuths(config, server, file)
  if (found) rememberSecret('password' in found ? found.password : found.identitytoken)
  if (found && 'password' in found) rememberSecret(`${found.username}:${found.password}`) // of HTTP's basic login
  return found
}

async function readDockerConfig(file: string): Promise<DockerConfig | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError(
      `${file}, Docker's config, cannot be read: make it readable, or set DOCKER_CONFIG`,
      [],
      { cause: error },
    )
  }
  // neither a parser's message nor a schema's goes on: they may quote a secret
  try {
    return dockerConfig.parse(parseJson(text))
  } catch {
    throw new ConfigError(`${file}, Docker's config, is broken: correct it, or type docker login anew`)
  }
}

function fromAuths(config: DockerConfig, server: string, file: string): RegistryCredentials | undefined {
  const entries = Object.entries(config.auths ?? {})
  const found =
    entries.find(([name]) => name === server) ?? entries.find(([name]) => hostOf(name) === hostOf(server))
  if (!found) return undefined
  const [name, { auth, username, password, identitytoken }] = found
  if (identitytoken) return { identitytoken, serveraddress: server }
  if (auth) {
    const text = Buffer.from(auth, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    if (colon <= 0)
      throw new ConfigError(
        `${file}: "auth" of ${name} is not user:password in base64; type docker login ${name}`,
      )
    const secret = text.slice(colon + 1).replace(/\0+$/, '')
    return { username: text.slice(0, colon), password: secret, serveraddress: server }
  }
  if (username && password) return { username, password, serveraddress: server }
  return undefined // an empty entry is what docker leaves for a helper to know
}

/** Keys of `auths` may be URLs: `https://registry:5000/v2/` */
function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, '').split('/')[0]!
}

/** `docker-credential-<name> get` reads the server on stdin and answers in JSON (github.com/docker/docker-credential-helpers). */
async function askHelper(
  name: string,
  server: string,
  file: string,
  env: NodeJS.ProcessEnv,
): Promise<RegistryCredentials | undefined> {
  const program = `docker-credential-${name}`
  let result: CommandResult
  try {
    result = await tryLocally([program, 'get'], { input: server, env, timeoutMs: 60_000 })
  } catch (error) {
    throw new ConfigError(
      `${file} names the credential helper ${name}, but ${program} cannot be started: install it, or take it out`,
      [],
      { cause: error },
    )
  }
  if (result.exitCode !== 0) {
    // the helper's own words for "there are none"; its other words may hold anything and stay unsaid
    if (/credentials not found/i.test(result.stdout + result.stderr)) return undefined
    const why = result.timedOut ? 'did not answer within 60 s' : `failed with exit code ${result.exitCode}`
    throw new DeployError(`${program} ${why} when asked for ${server}: type docker login ${server}`)
  }
  return helperCredentials(result.stdout, program, server)
}

function helperCredentials(answer: string, program: string, server: string): RegistryCredentials {
  let parsed: z.output<typeof helperAnswer>
  try {
    parsed = helperAnswer.parse(parseJson(answer))
  } catch {
    throw new DeployError(`${program} gave no credentials for ${server}, but something that is not its JSON`)
  }
  // the name that says that the secret is a token
  if (parsed.Username === '<token>') return { identitytoken: parsed.Secret, serveraddress: server }
  return { username: parsed.Username, password: parsed.Secret, serveraddress: server }
}
