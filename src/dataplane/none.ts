/** In the place of a data plane where dpbench deploys none: nothing runs, nothing can be asked of it, nothing can be lost. */
import { ConfigError, type DpbenchError } from '../core/errors.ts'
import type { DeployedDataplane } from './dataplane.ts'

/** @param configFile where it says that there is none, for the sentences */
export function noDataplane(configFile: string): DeployedDataplane {
  return refusingDataplane(
    (what) =>
      new ConfigError(
        `${what} needs a data plane, and ${configFile} has "dataplane": "none": let the suite do it (\`change\` of ` +
          'docs/own-suites.md), or take "dataplane" out to have dpservice deployed',
      ),
  )
}

/** @param why of what was asked for */
export function refusingDataplane(why: (what: string) => DpbenchError): DeployedDataplane {
  const refuse = async (what: string): Promise<never> => {
    throw why(what)
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
    kill: () => refuse('dataplane.kill'),
    start: () => refuse('dataplane.start'),
    release: () => undefined,
  }
}
