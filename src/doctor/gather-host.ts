/** Asks a connected hypervisor everything that the checks judge: a few commands side by side, as each is a round trip. */
import type { CommandResult } from '../core/command-result.ts'
import { DpbenchError, PrivilegeError, describeError } from '../core/errors.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import { dockerSocket } from '../transport/docker/docker-over-ssh.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import type { AccessFacts, DockerFacts, HostFacts } from './host-facts.ts'
import { clockCommand, freeCommand, libvirtCommand, systemCommand, userCommand } from './host-script.ts'
import type { HypervisorNeeds } from './needs.ts'
import { parseFree, parseLibvirt, parseSocket, parseSystem, sectionsOf } from './parse-facts.ts'

/** Of each command: a daemon that hangs must not keep the others' answers back. */
const timeoutMs = 5000
/** @throws ConnectionError when the connection is lost */
export async function gatherHost(hypervisor: Hypervisor, needs: HypervisorNeeds): Promise<HostFacts> {
  const { ssh } = hypervisor
  const clock = await clockOf(ssh)
  const access = accessOf(ssh, needs)
  const sudo = access.then(({ root }) => needs.sudo && root === true)
  const asRoot = async (argv: readonly string[]): Promise<CommandResult> =>
    ssh.tryRun(argv, { sudo: await sudo, timeoutMs })
  const [{ user, root, tcpForwarding }, engine, system, libvirt] = await Promise.all([
    access,
    engineOf(hypervisor, async (folder) => parseFree((await asRoot(freeCommand(folder))).stdout)),
    asRoot(systemCommand(needs)),
    asRoot(libvirtCommand(needs)),
  ])
  const docker: DockerFacts = { ...parseSocket(user), engine }
  return {
    access: {
      user: user.get('user') ?? needs.user,
      groups: (user.get('groups') ?? '').split(' '),
      root: needs.sudo || user.get('user') === 'root' ? root : 'not root',
      tcpForwarding,
      socketForwarding: socketForwardingOf(docker),
      clock,
    },
    system: parseSystem(system.stdout),
    libvirt: libvirt.timedOut
      ? { answer: { error: `no answer within ${timeoutMs / 1000} s` }, networks: [], running: [] }
      : parseLibvirt(libvirt.stdout, needs.network),
    docker,
  }
}

async function accessOf(
  ssh: SshHost,
  needs: HypervisorNeeds,
): Promise<Pick<AccessFacts, 'root' | 'tcpForwarding'> & { readonly user: ReadonlyMap<string, string> }> {
  const [said, root] = await Promise.all([
    ssh.tryRun(userCommand(dockerSocket), { sudo: false, timeoutMs }),
    rootOf(ssh, needs),
  ])
  const user = sectionsOf(said.stdout)
  return { user, root, tcpForwarding: await tcpForwardingOf(ssh, user.get('server') ?? '') }
}

async function clockOf(ssh: SshHost): Promise<AccessFacts['clock']> {
  const before = Date.now()
  const { stdout } = await ssh.run(clockCommand(), { sudo: false, timeoutMs })
  const after = Date.now()
  const there = Number(stdout.trim().replace(/\.%?N$/, ''))
  return {
    offsetSeconds: there - (before + after) / 2000,
    uncertaintySeconds: (after - before) / 2000,
  }
}

async function rootOf(ssh: SshHost, { sudo }: HypervisorNeeds): Promise<true | string> {
  try {
    const { exitCode, stderr } = await ssh.tryRun(['true'], { sudo, timeoutMs })
    return exitCode === 0 || stderr.trim() || `it ended with ${exitCode}`
  } catch (error) {
    if (error instanceof PrivilegeError) return error.said
    throw error
  }
}

/** A connection to sshd itself, at the address by which it was reached: something surely listens there. */
async function tcpForwardingOf(ssh: SshHost, connection: string): Promise<true | string> {
  const [, , address, port] = connection.trim().split(' ')
  if (address === undefined || port === undefined)
    return 'sshd does not say where it listens (SSH_CONNECTION)'
  try {
    const channel = await ssh.openTcp(address, Number(port))
    channel.on('error', () => undefined).destroy() // nothing is sent: that it opened is the answer
    return true
  } catch (error) {
    return oneLine(error)
  }
}

/** An engine that answers was reached through sshd; where a process listens and the user may, sshd is what is in the way. */
function socketForwardingOf({ socket, listening, engine }: DockerFacts): AccessFacts['socketForwarding'] {
  if (!('error' in engine)) return true
  if (socket !== 'ours' || !listening) return undefined
  return /cannot open/.test(engine.error) ? engine.error : true
}

async function engineOf(
  { docker }: Hypervisor,
  freeOf: (folder: string) => Promise<number | undefined>,
): Promise<DockerFacts['engine']> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DpbenchError(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  })
  let info: { ServerVersion: string; DockerRootDir: string }
  try {
    info = (await Promise.race([docker.info(), late])) as typeof info
  } catch (error) {
    return { error: oneLine(error) }
  } finally {
    clearTimeout(timer)
  }
  const { ServerVersion: version, DockerRootDir: root } = info
  return { version, root, freeBytes: await freeOf(root) }
}

export function oneLine(error: unknown): string {
  return describeError(error).replaceAll(/\s*\n\s*/g, ' ')
}
