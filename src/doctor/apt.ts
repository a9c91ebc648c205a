/** Packages on Debian and Ubuntu: what an installation would bring, and its way back, by what apt says it would do. */
import { DpbenchError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost, RunOptions } from '../transport/host.ts'

/** Downloads and maintainer scripts take their time. */
export const aptOptions: RunOptions = { timeoutMs: 900_000 }

const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get', '--quiet', '--yes']

/** Names of all packages that installing `packages` would add: those that are only renewed are left out. */
export async function wouldInstall(host: RemoteHost, packages: readonly string[]): Promise<string[]> {
  const argv = [...apt, '--no-install-recommends', '--simulate', 'install', ...packages]
  const { stdout } = await host.run(argv, aptOptions)
  // `Inst name (version …)`, and `Inst name [old version] (version …)` for one that is there
  return [...stdout.matchAll(/^Inst (\S+) \(/gm)].map((match) => match[1]!)
}

/**
 * Removes those of `packages` that are there, with their settings.
 * @throws DpbenchError when something else, which came since, needs them
 */
export async function purge(host: RemoteHost, packages: readonly string[]): Promise<void> {
  const state = shell(
    'dpkg-query --show --showformat="\\${Package} \\${db:Status-Status}\\n" "$@" 2>/dev/null || true',
    ...packages,
  )
  const { stdout } = await host.run(state)
  const there = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([name = '', status]) => (name !== '' && status !== 'not-installed' ? [name] : []))
  if (there.length === 0) return
  const simulated = await host.run([...apt, '--simulate', 'purge', ...there], aptOptions)
  const others = [...simulated.stdout.matchAll(/^(?:Purg|Remv) (\S+)/gm)]
    .map((match) => match[1]!)
    .filter((name) => !there.includes(name.replace(/:.*/, '')))
  if (others.length > 0)
    throw new DpbenchError(`${others.join(', ')} came since and needs them: remove that first`)
  await host.run([...apt, 'purge', ...there], aptOptions)
}
