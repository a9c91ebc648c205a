/** A hypervisor of the config, connected: its commands and files, its Docker engine, the way to its VMs. */
import type Docker from 'dockerode'
import { dockerOf } from '../transport/docker/docker-over-ssh.ts'
import type { HostAddress } from '../transport/ssh/address.ts'
import { type ConnectOptions, connectHost } from '../transport/ssh/connect.ts'
import type { SshHost } from '../transport/ssh/ssh-host.ts'
import { Machine } from './machine.ts'

export class Hypervisor extends Machine {
  readonly name: string
  readonly ssh: SshHost
  /** The Docker engine, over the SSH connection. */
  readonly docker: Docker

  constructor(ssh: SshHost) {
    super()
    this.name = ssh.name
    this.ssh = ssh
    this.docker = dockerOf(ssh)
  }

  /** @throws HostKeyError, ConnectionError */
  static async connect(address: HostAddress, options: ConnectOptions = {}): Promise<Hypervisor> {
    return new Hypervisor(await connectHost(address, options))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.ssh.close()
  }
}
