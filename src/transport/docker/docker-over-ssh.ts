/**
 * dockerode over a host's SSH connection: each API call is a stream forwarded to the engine's Unix socket. One login
 * for all, no docker program on the host, and the host key that was verified is the one in use. dockerode's own `ssh`
 * protocol logs in once per call and verifies nothing unless told to.
 */
import type { ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import Docker from 'dockerode'
import type { SshHost } from '../ssh/ssh-host.ts'
import { ObservedModem } from './observed-modem.ts'

// imported, it would bring all of fetch with it, which costs every command 50 ms
const { Agent } = process.getBuiltinModule('node:http')

export const dockerSocket = '/var/run/docker.sock'

/** The engine of `host`. Needs `AllowStreamLocalForwarding` (OpenSSH's default) and a user who may use the socket. */
export function dockerOf(host: SshHost, socketPath = dockerSocket): Docker {
  const agent = new StreamLocalAgent(host, socketPath)
  const options = { protocol: 'http', host: 'localhost', port: 80, agent } as const
  const modem = new ObservedModem(host.name, host.observe, options, host.instead?.dial(host))
  return new Docker({ modem } as Docker.DockerOptions)
}

class StreamLocalAgent extends Agent {
  private readonly ssh: SshHost
  private readonly socketPath: string

  constructor(ssh: SshHost, socketPath: string) {
    super({ keepAlive: false })
    this.ssh = ssh
    this.socketPath = socketPath
  }

  /**
   * docker-modem describes each call for its debug log, agent and all, whether anybody reads that or not: with an SSH connection
   * and its channels in it that took a tenth of a second.
   */
  [inspect.custom](): string {
    return `an agent of ${this.socketPath} on ${this.ssh.name}`
  }

  override createConnection(
    _options: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    void this.connect(done)
    return undefined
  }

  private async connect(done?: (error: Error | null, stream: Duplex) => void): Promise<void> {
    let channel: Duplex
    try {
      channel = asSocket(await this.ssh.openUnixSocket(this.socketPath))
    } catch (error) {
      done?.(error as Error, undefined as never)
      return
    }
    done?.(null, channel)
  }
}

/** http expects a net.Socket's knobs on the stream; a forwarded channel has none of them to turn. */
function asSocket(channel: Duplex): Duplex {
  const same = (): Duplex => channel
  return Object.assign(channel, {
    setKeepAlive: same,
    setNoDelay: same,
    setTimeout: same,
    ref: same,
    unref: same,
  })
}
