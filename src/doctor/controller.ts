/** The machine where dpbench itself runs. */
import { constants } from 'node:fs'
import { access, readFile, statfs } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import Docker from 'dockerode'
import type { BenchConfig } from '../config/index.ts'
import { DpbenchError } from '../core/errors.ts'
import { requireNode } from '../core/node-version.ts'
import { dockerSocket } from '../transport/docker/docker-over-ssh.ts'
import { identityOf } from '../transport/ssh/identity.ts'
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
  /** Usable, by a passphrase or the ssh-agent too, or why not and what to do. */
  readonly usable: true | string
  /** Whether `public_key_file` is its other half; `undefined` when that cannot be told. */
  readonly publicMatches: boolean | undefined
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
  const { file, usable, publicMatches } = key
  if (usable !== true) {
    const chmod = /\bchmod 600 .+/.exec(usable)?.[0]
    const advice = /encrypted/.test(usable)
      ? `ssh-add ${file}`
      : `ssh-keygen -t ed25519 -f FILE, and name FILE in "key_file" of the config`
    return [fault(check, usable, chmod ?? advice)]
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
  return [ok(check, `${file} and its public half`)]
}

async function keyFacts({ keyFile, publicKeyFile }: BenchConfig): Promise<KeyFacts> {
  const [publicText, identity] = await Promise.all([
    readFile(publicKeyFile, 'utf8'),
    identityOf(keyFile).catch((error: unknown) => {
      if (error instanceof DpbenchError) return error.message
      throw error
    }),
  ])
  if (typeof identity === 'string') return { file: keyFile, usable: identity, publicMatches: undefined }
  const own = 'privateKey' in identity && identity.privateKey.getPublicSSH().toString('base64')
  return { file: keyFile, usable: true, publicMatches: own ? publicText.includes(own) : undefined }
}

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
