/**
 * The base of softplane's image: a root file system with nothing but what the daemon runs, from the packages of the
 * machine's own apt configuration, and the Node that this process runs on.
 */
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { runLocally } from '../../src/core/local-command.ts'
import { DeployError } from '../../src/core/errors.ts'

const packages = [
  'dash',
  'util-linux',
  'mount',
  'iproute2',
  'ethtool',
  'socat',
  'radvd',
  'nftables',
  'conntrack',
  'libstdc++6',
]
/** Never read by a program of the image. */
const superfluous = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'usr/share/bash-completion',
  'usr/lib/*/gconv',
  'usr/lib/*/perl-base',
  'var/cache/apt',
  'var/lib/apt',
]
/** One of apt's sources in the form of its configuration. */
const sourceLine = 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)'
const recipeVersion = 3

export interface BaseRecipe {
  /** Changes with the recipe, the versions of the packages, and Node. */
  readonly id: string
  readonly suite: string
  readonly sources: string
}

/** @throws DeployError when apt offers no packages (another distribution, or no package lists). */
export async function readBaseRecipe(signal?: AbortSignal): Promise<BaseRecipe> {
  const release = await readFile('/etc/os-release', 'utf8')
  const suite = /^VERSION_CODENAME=(\S+)$/m.exec(release)?.[1]
  const distribution = /^ID=(\S+)$/m.exec(release)?.[1] ?? ''
  const origin = distribution.slice(0, 1).toUpperCase() + distribution.slice(1)
  const env = { ...process.env, LC_ALL: 'C' }
  const [sources, policy] = await Promise.all([
    runLocally(
      ['apt-get', 'indextargets', '--format', sourceLine, 'Created-By: Packages', `Origin: ${origin}`],
      {
        signal,
        env,
      },
    ),
    runLocally(['apt-cache', 'policy', ...packages], { signal, env }),
  ])
  const versions = [...policy.stdout.matchAll(/^(\S+):\n(?:.*\n)*? {2}Candidate: (\S+)$/gm)]
    .filter(([, , version]) => version !== '(none)')
    .map(([, found, version]) => `${found}=${version}`)
  if (!suite || sources.stdout.trim() === '' || versions.length < packages.length) {
    throw new DeployError(
      `softplane's image needs the packages ${packages.join(', ')}, and apt does not offer them all: ` +
        `run 'apt-get update' on a Debian or Ubuntu machine`,
    )
  }
  const node = `${process.version} ${process.arch} ${(await stat(process.execPath)).size}`
  const facts = [recipeVersion, suite, packages, versions, superfluous, node]
  const id = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)
  return { id, suite, sources: sources.stdout }
}

/** Writes the root file system as a tar archive. Takes seconds, most of them for fetching packages. */
export async function makeBaseArchive(
  recipe: BaseRecipe,
  archive: string,
  options: { readonly log: (line: string) => void; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const clean = superfluous.map((path) => `"$1"/${path}`).join(' ')
  const sourcesFile = `${archive}.list`
  await writeFile(sourcesFile, recipe.sources)
  await runLocally(
    [
      'mmdebstrap',
      '--quiet',
      '--mode=root',
      '--variant=extract',
      `--include=${packages.join(',')}`,
      `--extract-hook=rm -rf ${clean}`,
      // the kernel's own view is mounted over these two by whoever runs the container
      '--extract-hook=mkdir -p "$1"/proc "$1"/sys',
      // radvd looks itself up
      '--extract-hook=echo root:x:0:0:root:/root:/bin/sh > "$1"/etc/passwd; echo root:x:0: > "$1"/etc/group',
      // radvd looks itself up
      '--extract-hook=echo root:x:0:0:root:/root:/bin/sh > "$1"/etc/passwd; echo root:x:0: > "$1"/etc/group',
      `--extract-hook=install -m 755 "$SOFTPLANE_NODE" "$1"/usr/bin/node`,
      '--format=tar',
      recipe.suite,
      archive,
      sourcesFile,
    ],
    {
      timeoutMs: 600_000,
      signal: options.signal,
      onLine: options.log,
      env: { ...process.env, SOFTPLANE_NODE: process.execPath },
    },
  )
}
