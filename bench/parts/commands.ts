/** Short commands, one after the other, on a host that is connected. */
import { runLocally } from '../../src/core/local-command.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import { addressOf, sshConfig } from '../by-hand.ts'
import { type Part, seconds, timesFaster } from '../part.ts'

const count = 1000
const loop = 'n=0; while [ "$n" -lt "$3" ]; do ssh -F "$1" "$2" true || exit; n=$((n+1)); done'

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'commands',
    what: '1,000 short commands on one host',
    against: '`ssh` with a ControlMaster connection',
    unit: 's',
    rounds: 5,
    reach: timesFaster(3),
    async prepare(stage) {
      const { signal } = stage
      const lab = await stage.lab({ guests: 'namespace', hypervisors: 2, dataplane: 'none' })
      const [hypervisor] = lab.hypervisors
      const host = stage.own.use(await connectHost(addressOf(lab, hypervisor!), { signal }))
      const config = await sshConfig(stage, lab, { controlMaster: true })
      return {
        ours: () =>
          seconds(async () => {
            for (let each = 0; each < count; each++) await host.run(['true'], { signal })
          }),
        peer: () =>
          seconds(() =>
            runLocally(shell(loop, config, hypervisor!.name, String(count)), { signal, timeoutMs: 600_000 }),
          ),
        notes: ['one after the other in both, `true` each time, over a connection that stood before'],
      }
    },
  },
]
