/** In the place of a data plane where dpbench deploys none: nothing runs, nothing can be asked of it, nothing can be lost. */
import { ConfigError } from '../core/errors.ts'
import type { DeployedDataplane } from './dataplane.ts'

/** @param configFile where it says that there is none, for the sentences */
export function noDataplane(configFile: string): DeployedDataplane {
  const refuse = async (what: string): Promise<never> => {
    throw new ConfigError(
      `${what} needs a data plane, and ${configFile} has "dataplane": "none": let the suite do it (\`change\` of ` +
        'docs/own-suites.md), or take "dataplane" out to have dpservice deployed',
    )
  }
  return {
    mode: 'plain',
    provenance: [],
    lost: new AbortController().signal,
    identity: async () => 'none',
    route: () => refuse('dataplane.route'),
    nat: () => refuse('dataplane.nat'),
    natCapacity: () => 0,
    loadBalancer: () => refuse('dataplane.loadBalancer'),
    observePath: async () => ({
      end: async () => ({ state: 'unknown', reason: 'there is no data plane that counts' }),
    }),
    lineBetween: async () => undefined,
    release: () => undefined,
  }
}
