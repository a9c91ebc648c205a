/** One command on many hosts at once, and what connecting to them and asking them costs. */
import { together } from '../../src/core/together.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import type { HypervisorDescription, LabDescription } from '../../lab/lab.ts'
import { addressOf } from '../by-hand.ts'
import { lightHosts } from '../light-hosts.ts'
import { type Part, seconds, timesAsLong } from '../part.ts'
import type { Stage } from '../stage.ts'

const most = 32
/** It takes its time on its host and no CPU of it: on hardware the hosts have cores of their own. */
const command = ['sleep', '1']

const started = new WeakMap<LabDescription, Promise<HypervisorDescription[]>>()

/** Of both parts, started once. */
async function hostsOf(stage: Stage): Promise<{ lab: LabDescription; hosts: HypervisorDescription[] }> {
  const lab = await stage.lab({ guests: 'qemu', hypervisors: 2, dataplane: 'none' })
  let hosts = started.get(lab)
  if (!hosts) started.set(lab, (hosts = lightHosts(lab, most, stage.signal)))
  return { lab, hosts: await hosts }
}

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'hosts',
    what: 'a command on 32 hosts (namespace hypervisors)',
    against: 'the same command on one host',
    unit: 's',
    rounds: 7,
    reach: timesAsLong(2),
    async prepare(stage) {
      const { signal } = stage
      const { lab, hosts } = await hostsOf(stage)
      const connections: SshHost[] = await together(
        hosts.map(async (each) => stage.own.use(await connectHost(addressOf(lab, each), { signal }))),
      )
      return {
        ours: () => seconds(() => together(connections.map((host) => host.run(command, { signal })))),
        peer: () => seconds(() => connections[0]!.run(command, { signal })),
        notes: [
          'the command is `sleep 1`, over connections that stood before: all hosts share the cores of one machine here, and a command that works would show those. Each host is namespaces with an sshd of its own.',
        ],
      }
    },
  },
  {
    kind: 'growth',
    name: 'hosts-growth',
    what: 'connecting to hosts, a short command on each, and closing',
    axis: 'hosts',
    unit: 's',
    sizes: [1, 2, 4, 8, 16, 32],
    rounds: 3,
    async prepare(stage) {
      const { signal } = stage
      const { lab, hosts } = await hostsOf(stage)
      const once = async (each: HypervisorDescription): Promise<void> => {
        await using host = await connectHost(addressOf(lab, each), { signal })
        await host.run(['true'], { signal })
      }
      return { cost: (size) => seconds(() => together(hosts.slice(0, size).map(once))) }
    },
  },
]
