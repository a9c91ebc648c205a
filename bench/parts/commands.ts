/** Short commands on a host that is connected: as many at once as its sshd takes, and one after the other. */
import { median } from 'simple-statistics'
import { runLocally } from '../../src/core/local-command.ts'
import { shell } from '../../src/core/shell-quote.ts'
import { together } from '../../src/core/together.ts'
import { connectHost } from '../../src/transport/ssh/connect.ts'
import type { SshHost } from '../../src/transport/ssh/ssh-host.ts'
import { bareSessions } from '../bare-session.ts'
import { addressOf, sshConfig } from '../by-hand.ts'
import { type Part, type Prepared, seconds, timesFaster } from '../part.ts'
import type { Stage } from '../stage.ts'

const count = 1000
/** A program, not a word that the login shell knows itself. */
const command = ['cat', '/proc/loadavg']
const atOnce = `seq "$3" | xargs -P 8 -I{} ssh -F "$1" "$2" ${command.join(' ')} > /dev/null`
const inTurn = `n=0; while [ "$n" -lt "$3" ]; do ssh -F "$1" "$2" ${command.join(' ')} || exit; n=$((n+1)); done > /dev/null`

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'commands',
    what: '1,000 short commands on one host',
    against: '`ssh` with a ControlMaster connection, 8 at once (`xargs -P 8`)',
    unit: 's',
    rounds: 5,
    reach: timesFaster(3),
    prepare: (stage) =>
      prepare(
        stage,
        (host, run) => together(Array.from({ length: count }, () => run(host))),
        atOnce,
        8,
        'as a suite asks for what does not depend on each other: all at once, of which the connection carries 8 at a time, as many as the other side',
      ),
  },
  {
    kind: 'row',
    name: 'commands-in-turn',
    what: '1,000 short commands, each after the one before it',
    against: '`ssh` with a ControlMaster connection in a loop',
    unit: 's',
    rounds: 3,
    reach: timesFaster(1),
    prepare: (stage) =>
      prepare(
        stage,
        async (host, run) => {
          for (let each = 0; each < count; each++) await run(host)
        },
        inTurn,
        1,
        'for the peer sshd makes a session each time, a login shell starts, and the program; dpbench has a shell that stays, which starts `setsid` and by that the program, so that a deadline ends it with all that it started',
      ),
  },
]

async function prepare(
  stage: Stage,
  all: (host: SshHost, run: (host: SshHost) => Promise<unknown>) => Promise<unknown>,
  script: string,
  sessionsAtOnce: number,
  note: string,
): Promise<Prepared> {
  const { signal } = stage
  const lab = await stage.lab({ guests: 'qemu', hypervisors: 2, dataplane: 'none' })
  const [hypervisor] = lab.hypervisors
  const address = addressOf(lab, hypervisor!)
  const host = stage.own.use(await connectHost(address, { signal }))
  const config = await sshConfig(stage, lab, { controlMaster: true })
  const byHand = shell(script, config, hypervisor!.name, String(count))
  const bare: number[] = []
  const byPeer: number[] = []
  return {
    async ours() {
      bare.push(await bareSessions(address, count, sessionsAtOnce))
      return seconds(() => all(host, (on) => on.run(command, { signal })))
    },
    async peer() {
      byPeer.push(await seconds(() => runLocally(byHand, { signal, timeoutMs: 600_000 })))
      return byPeer.at(-1)!
    },
    get notes() {
      const [least, theirs] = [median(bare), median(byPeer)]
      return [
        `\`${command.join(' ')}\` each time, over a connection that stood before; ${note}.`,
        `in the same rounds, sessions in which the login shell does nothing (\`:\`), without any of dpbench's own, took ${least.toFixed(2)} s: ` +
          `${(theirs / least).toFixed(1)} times faster than the peer, which is what can be had with a session for each command`,
      ]
    },
  }
}
