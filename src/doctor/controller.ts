/** The machine where dpbench itself runs. */
import { constants } from 'node:fs'
import { access, readFile, stat, statfs } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import Docker from 'dockerode'
import ssh2 from 'ssh2'
import type { BenchConfig } from '../config/index.ts'
import { requireNode } from '../core/node-version.ts'
import { dockerSocket } from '../transport/docker/docker-over-ssh.ts'
import { spaceFinding } from './checks/space.ts'
import { type Judgement, fault, notApplicable, ok, warning } from './finding.ts'
import { oneLine } from './gather-host.ts'
import { installCommand } from './package-hints.ts'
import { parseOsRelease } from './parse-facts.ts'
import type { SystemFacts } from './host-facts.ts'

export interface ControllerFacts {
  readonly node: string
  readonly os: SystemFacts['os']
  /** Those of `programs` that are there. */
  readonly programs: readonly string[]
  /** Of the config's private key; `undefined` without a config. */
  readonly key?: KeyFacts
  /** The engine for `--stage dev`: its version, or why it does not answer. */
  readonly docker: { readonly version: string } | { readonly error: string }
  /** The folder where results go, and its free bytes. */
  readonly folder: string
  readonly freeBytes: number
}

export interface KeyFacts {
  readonly file: string
  /** As ssh2 reads it: usable, or why not. */
  readonly usable: true | string
  /** Whether `public_key_file` is its other half; `undefined` when that cannot be told. */
  readonly publicMatches: boolean | undefined
  /** Permissions, octal. */
  readonly mode: string
}

const programs = ['ssh-keygen', 'dockerd'] as const

export async function gatherController(
  config: BenchConfig | undefined,
  cwd: string,
  env: NodeJS.ProcessEnv,
  socket: string | undefined,
): Promise<ControllerFacts> {
  const [os, there, docker, space, key] = await Promise.all([
    readFile('/etc/os-release', 'utf8').catch(() => ''), // a system without it has no package hints
    Promise.all(programs.map(async (each) => ((await inPath(each, env)) ? [each] : []))),
    dockerOfController(env, socket),
    statfs(cwd),
    config && keyFacts(config),
  ])
  return {
    node: process.versions.node,
    os: parseOsRelease(os),
    programs: there.flat(),
    ...(key && { key }),
    docker,
    folder: cwd,
    freeBytes: space.bavail * space.bsize,
  }
}

export function controllerChecks(facts: ControllerFacts): Judgement[] {
  return [
    nodeCheck(facts.node),
    facts.programs.includes('ssh-keygen')
      ? ok('ssh-keygen', 'is there')
      : fault(
          'ssh-keygen',
          'is not installed: host keys of known_hosts and of VMs need it',
          installCommand(['ssh-keygen'], facts.os),
        ),
    ...keyChecks(facts.key),
    'error' in facts.docker
      ? warning(
          'Docker for --stage dev',
          `no engine answers (${facts.docker.error}); only --stage dev needs one`,
          `${facts.programs.includes('dockerd') ? 'systemctl start docker' : installCommand(['dockerd'], facts.os)}; or set DOCKER_HOST`,
        )
      : ok('Docker for --stage dev', facts.docker.version),
    spaceFinding('disk for results', facts.folder, facts.freeBytes, 'remove old folders of results/'),
  ]
}

function nodeCheck(version: string): Judgement {
  try {
    requireNode(version)
    return ok('Node', version)
  } catch (error) {
    return fault('Node', oneLine(error), 'nvm install 24; or any other Node 22.12 or newer')
  }
}

function keyChecks(key: KeyFacts | undefined): Judgement[] {
  const check = 'key files'
  if (!key) return [notApplicable(check, 'no config names them')]
  const { file, usable, publicMatches, mode } = key
  if (usable !== true) {
    return [
      fault(
        check,
        `${file} cannot be used: ${usable}`,
        /passphrase|encrypted/i.test(usable)
          ? `ssh-keygen -p -N '' -f ${file} takes the passphrase away; or a key of its own for dpbench: ssh-keygen -t ed25519 -N '' -f FILE`
          : `ssh-keygen -t ed25519 -N '' -f FILE, and name FILE in "key_file" of the config`,
      ),
    ]
  }
  if (publicMatches === false) {
    return [
      {
        ...fault(
          check,
          `"public_key_file" is not the public half of ${file}, so VMs would refuse it`,
          `ssh-keygen -y -f ${file} shows the right one`,
        ),
        inConfig: true,
      },
    ]
  }
  return [
    /[1-7][0-7]$|[1-7]$/.test(mode)
      ? warning(check, `${file} may be read by others (mode ${mode})`, `chmod 600 ${file}`)
      : ok(check, `${file} and its public half`),
  ]
}

async function keyFacts({ keyFile, publicKeyFile }: BenchConfig): Promise<KeyFacts> {
  const [text, publicText, { mode }] = await Promise.all([
    readFile(keyFile),
    readFile(publicKeyFile, 'utf8'),
    stat(keyFile),
  ])
  const parsed = ssh2.utils.parseKey(text)
  if (parsed instanceof Error) {
    return { file: keyFile, usable: parsed.message, publicMatches: undefined, mode: octal(mode) }
  }
  const key = Array.isArray(parsed) ? parsed[0] : parsed
  const own = key?.getPublicSSH().toString('base64')
  return {
    file: keyFile,
    usable: true,
    publicMatches: own === undefined ? undefined : publicText.includes(own),
    mode: octal(mode),
  }
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(3, '0')

async function inPath(program: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const places = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program))
  const found = await Promise.all(
    places.map((place) =>
      access(place, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}

/** The engine that is named: by DOCKER_HOST, else by `socket`, else the usual one. */
async function dockerOfController(
  env: NodeJS.ProcessEnv,
  socket = dockerSocket,
): Promise<ControllerFacts['docker']> {
  const named = env['DOCKER_HOST']
  try {
    // without a socket of its own dockerode takes DOCKER_HOST
    const docker = named ? new Docker({ timeout: 3000 }) : new Docker({ socketPath: socket, timeout: 3000 })
    const { Version: version } = await docker.version()
    return { version: `${version} answers at ${named ?? socket}` }
  } catch (error) {
    return { error: oneLine(error) }
  }
}
