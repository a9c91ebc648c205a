/** Names that a deployment takes on a hypervisor, and whether somebody else has them: asked before anything is changed there. */
import { DeployError } from '../../core/errors.ts'
import { shell } from '../../core/shell-quote.ts'
import { together } from '../../core/together.ts'
import { waitFor } from '../../core/wait.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'
import { type DpserviceSettings, refuseForeignContainer } from './container.ts'

export interface NamesTaken {
  readonly hypervisor: Hypervisor
  readonly settings: DpserviceSettings
  /** Of the VMs' ports, where they have network devices. */
  readonly netdevs: readonly string[]
}

/** The devices of a container that has just been removed take a moment to go. */
const goneMs = 2000

/** @throws DeployError naming the thing, its machine and what to do; AggregateError of several */
export async function refuseStrangers(deployments: readonly NamesTaken[]): Promise<void> {
  await together(
    deployments.flatMap(({ hypervisor, settings, netdevs }) => [
      refuseForeignContainer(hypervisor, settings),
      refuseForeignDevices(hypervisor, [...settings.attach.map(({ netdev }) => netdev), ...netdevs]),
    ]),
  )
}

/** They come with the data plane's container and go with it: whichever is there now is somebody else's, and would be plugged into a bridge. */
async function refuseForeignDevices({ name, ssh }: Hypervisor, netdevs: readonly string[]): Promise<void> {
  if (netdevs.length === 0) return
  const find = shell('for n in "$@"; do [ ! -e "/sys/class/net/$n" ] || echo "$n"; done', ...netdevs)
  let there: string[] = []
  await waitFor(
    async () => {
      there = (await ssh.run(find)).stdout.split('\n').filter(Boolean)
      return there.length === 0 ? { state: 'ready', value: undefined } : { state: 'pending' }
    },
    { what: 'the names of the devices of the data plane to be free', timeoutMs: goneMs, maxIntervalMs: 500 },
  ).catch((error: unknown) => {
    if (there.length === 0) throw error // the machine could not be asked
  })
  if (there.length === 0) return
  const [first] = there
  throw new DeployError(
    `${name}: there is a network device ${there.join(', ')} that dpbench did not make, and it is left alone: the data plane makes ` +
      `one of that name; rename it (\`ip link set ${first} down; ip link set ${first} name …\`) or set another "netdev" in the config`,
  )
}
