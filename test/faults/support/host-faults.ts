/** Faults of a lab's host and their ends, planted in the host itself: no other host of the lab, and no other lab, is touched. */
import { controllerName } from '../../../lab/controller.ts'
import { startDockerd } from '../../../lab/daemons/dockerd.ts'
import { startRegistry } from '../../../lab/daemons/registry.ts'
import type { NamespaceHost } from '../../../lab/namespaces/namespace-host.ts'
import { readInit } from '../../../lab/state/processes.ts'
import { findHost } from '../../../lab/status.ts'
import { linkPrefix } from '../../../lab/tag.ts'
import { runLocally } from '../../../src/core/local-command.ts'
import { waitFor } from '../../../src/core/wait.ts'
import type { TestLab } from '../../e2e/support/lab.ts'

/** Every process of the hypervisor stands still, its guests' too: `-1` is all of its pid namespace but its first and the caller. */
export async function freeze(lab: TestLab, hypervisor: string): Promise<void> {
  await lab.shell(hypervisor, 'kill -s STOP -- -1')
}

export async function thaw(lab: TestLab, hypervisor: string): Promise<void> {
  await lab.shell(hypervisor, 'kill -s CONT -- -1')
}

/** A hypervisor sees the processes of its guests too: only those in its own network are its own. */
const killSessions = `mine=$(readlink /proc/self/ns/net)
listener=$(cat /run/dpbench/sshd.pid)
for pid in $(pgrep -f '^sshd: '); do
  [ "$pid" = "$listener" ] || [ "$(readlink /proc/$pid/ns/net)" != "$mine" ] || kill -s KILL "$pid"
done`

/** Ends every SSH connection to the machine, whose sshd goes on. */
export async function cutSessions(lab: TestLab, machine: string): Promise<void> {
  await lab.shell(machine, killSessions)
}

/** Ends sshd and every connection to it. */
export async function stopSshd(lab: TestLab, machine: string): Promise<void> {
  await lab.shell(machine, `kill -s KILL "$(cat /run/dpbench/sshd.pid)"\n${killSessions}`)
}

/** As the lab starts it (lab/daemons/daemon.ts). */
export async function startSshd(lab: TestLab, machine: string): Promise<void> {
  const launch =
    'echo $$ > /run/dpbench/sshd.pid; exec /usr/sbin/sshd -D -e >> /var/log/dpbench/sshd.log 2>&1'
  await lab.shell(machine, `setsid -f sh -c '${launch}'`)
  await waitFor(
    async () => {
      const { stdout } = await lab.tryShell(machine, 'ss -Hltn sport = :22')
      return stdout.trim() === '' ? { state: 'pending' } : { state: 'ready', value: undefined }
    },
    { what: `sshd of ${machine} to listen`, timeoutMs: 10_000 },
  )
}

/** A hypervisor's link to its management network: what is sent vanishes, as on a machine that is gone. */
export async function setManagementLink(
  lab: TestLab,
  hypervisor: string,
  state: 'up' | 'down',
): Promise<void> {
  await lab.shell(hypervisor, `ip link set mgmt0 ${state}`)
}

/** A folder of the machine becomes a small file system of its own, with room for a run until `fillFolder`. */
export async function ownDisk(lab: TestLab, machine: string, folder: string): Promise<void> {
  await lab.shell(
    machine,
    `mount -t tmpfs -o size=2m full ${folder} && chmod 1777 ${folder} && : > ${folder}/fill`,
  )
}

/** To its last block, so that writing there fails as on a full disk. */
export async function fillFolder(lab: TestLab, machine: string, folder: string): Promise<void> {
  await lab.shell(
    machine,
    `dd if=/dev/zero of=${folder}/fill bs=4k 2> /dev/null; df ${folder} | grep -q 100%`,
  )
}

export async function unmountFolder(lab: TestLab, machine: string, folder: string): Promise<void> {
  await lab.shell(machine, `umount ${folder}`)
}

/** The lab's registry, which all its hypervisors pull from. */
export async function signalRegistry(lab: TestLab, signal: 'KILL' | 'STOP' | 'CONT'): Promise<void> {
  await lab.shell(controllerName, `kill -s ${signal} "$(cat /run/dpbench/docker-registry.pid)"`)
}

/** As `lab up` starts it. */
export async function restartRegistry(lab: TestLab): Promise<void> {
  const { name, registry } = lab.description
  await startRegistry(await hostOf(name, controllerName), registry, AbortSignal.timeout(30_000))
}

/** The hypervisor's Docker engine. What runs in containers goes on without it. */
export async function signalDocker(
  lab: TestLab,
  hypervisor: string,
  signal: 'KILL' | 'STOP' | 'CONT',
): Promise<void> {
  await lab.shell(hypervisor, `kill -s ${signal} "$(cat /run/docker.pid)"`)
}

/** As `lab up` starts it. */
export async function restartDocker(lab: TestLab, hypervisor: string): Promise<void> {
  const { name, registry } = lab.description
  await startDockerd(await hostOf(name, hypervisor), registry, AbortSignal.timeout(60_000))
}

async function hostOf(lab: string, name: string): Promise<NamespaceHost> {
  const { folder } = (await findHost(lab, name))!
  return { lab, name, folder, pid: (await readInit(folder, lab, name))! }
}

/** What the controller sends to a hypervisor, for instance an image. `index` counts from 1. */
export async function limitLinkTo(lab: TestLab, index: number, rate: string | undefined): Promise<void> {
  const port = `${linkPrefix(lab.description.name)}h${index}`
  const shape = rate === undefined ? ['del'] : ['replace']
  const tbf = rate === undefined ? [] : ['tbf', 'rate', rate, 'burst', '64k', 'latency', '100ms']
  await runLocally(['tc', 'qdisc', ...shape, 'dev', port, 'root', ...tbf])
}
