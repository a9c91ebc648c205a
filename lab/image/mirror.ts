/** Where packages come from: the machine's own apt configuration, so that its mirror and its proxies are used. */
import { readFile } from 'node:fs/promises'
import { DpbenchError } from '../../src/core/errors.ts'
import { runLocally } from '../../src/core/local-command.ts'

interface Source {
  readonly uri: string
  readonly release: string
  readonly component: string
  readonly origin: string
  readonly signedBy: string
}

const keyrings = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The lines of a sources.list for `release` of Debian, on the mirrors that this machine uses for its own release. On a
 * machine that is not Debian, `DPBENCH_DEBIAN_MIRROR` names the mirror.
 * @throws DpbenchError when no mirror is known.
 */
export async function debianSources(release: string, signal?: AbortSignal): Promise<string[]> {
  const given = process.env['DPBENCH_DEBIAN_MIRROR']
  if (given) return [sourceLine(given, release, '')]
  const own = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const sources = (await configuredSources(signal)).filter((source) => source.component === 'main')
  const main = choose(sources, own ?? '')
  if (!main) {
    throw new DpbenchError(
      `this machine's apt configuration names no Debian mirror; set DPBENCH_DEBIAN_MIRROR to the URL of one that has ${release}`,
    )
  }
  const security = choose(sources, `${own}-security`)
  return [
    sourceLine(main.uri, release, main.signedBy),
    ...(security ? [sourceLine(security.uri, `${release}-security`, security.signedBy)] : []),
  ]
}

/** A third party may name its releases as Debian does: the one that says it is Debian goes first. */
function choose(sources: readonly Source[], release: string): Source | undefined {
  const candidates = sources.filter((source) => source.release === release)
  return (
    candidates.find(({ origin }) => origin === 'Debian') ??
    candidates.find(({ origin, uri }) => origin === '' && /debian/.test(uri))
  )
}

function sourceLine(uri: string, suite: string, signedBy: string): string {
  return `deb [signed-by=${signedBy.startsWith('/') ? signedBy : keyrings}] ${uri} ${suite} main`
}

async function configuredSources(signal?: AbortSignal): Promise<Source[]> {
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(SIGNED_BY)'
  const { stdout } = await runLocally(
    ['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'],
    {
      signal,
    },
  )
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      // apt leaves the name of a value that it does not have
      const fields = line.split('|').map((field) => (field.startsWith('$(') ? '' : field))
      const [uri = '', release = '', component = '', origin = '', signedBy = ''] = fields
      return { uri, release, component, origin, signedBy }
    })
}

/** The options of this machine's apt that decide how a mirror is reached and how old it may be, for another apt. */
export async function transportOptions(signal?: AbortSignal): Promise<string[]> {
  const { stdout } = await runLocally(['apt-config', 'dump'], { signal })
  const wanted = /^Acquire::(https?|ftp|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)\b.*[^:] "[^"]*";$/i
  return stdout.split('\n').filter((line) => wanted.test(line) && !line.endsWith(' "";'))
}
