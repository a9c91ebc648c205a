/** Whether the data plane or a guest is still the one that it was: who restarted meanwhile measured nothing. */
import type { Environment } from '../environment/environment.ts'
import { bootId } from '../machine/guest-network.ts'
import type { Restart } from '../verdict/sample.ts'
import type { FlowRequest } from './flow-tools.ts'

type Identities = ReadonlyMap<string, string>

/** What changes when the data plane or one of the guests restarts. */
export async function identities(
  environment: Environment,
  { from, to, backends = [to] }: Pick<FlowRequest, 'from' | 'to' | 'backends'>,
): Promise<Identities> {
  const guests = [from, ...backends].map(
    async ({ name, ssh }) => [name, `boot ${await bootId(ssh)}`] as const,
  )
  const [dataplane, ...boots] = await Promise.all([environment.dataplane.identity(), ...guests])
  return new Map([['the data plane', dataplane], ...boots])
}

export function changes(before: Identities, after: Identities): Restart[] {
  return [...before]
    .filter(([machine, identity]) => after.get(machine) !== identity)
    .map(([machine, identity]) => ({
      machine,
      what: machine === 'the data plane' ? 'dpservice' : 'guest',
      detail: `before: ${identity}; after: ${after.get(machine)}`,
    }))
}
