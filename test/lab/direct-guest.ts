/** A guest booted straight in QEMU, without libvirt: user networking, its SSH forwarded to a port of the loopback device. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import type { CommandResult } from '../../src/core/command-result.ts'
import { tryLocally } from '../../src/core/local-command.ts'
import { waitFor } from '../../src/core/wait.ts'

export interface DirectGuestOptions {
  /** Holds everything that the guest needs; made before, removed after. */
  readonly folder: string
  readonly disk: string
  /** Path of the Ignition document; without one the guest gets none. */
  readonly document?: string
}

export class DirectGuest implements AsyncDisposable {
  readonly #folder: string
  readonly #qemu: ChildProcess
  readonly #ended: Promise<number | null>
  readonly #port: number
  #console = ''

  private constructor(options: DirectGuestOptions, port: number) {
    this.#folder = options.folder
    this.#port = port
    const network = `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`
    const argv = [
      'qemu-system-x86_64 -machine pc,accel=tcg,usb=off -cpu max -smp 2 -m 1024'.split(' '),
      '-nodefaults -no-user-config -display none -no-reboot -serial stdio'.split(' '),
      ['-drive', `file=${options.disk},if=none,id=disk,cache=unsafe`, '-device', 'virtio-blk-pci,drive=disk'],
      ['-netdev', network, '-device', 'virtio-net-pci,netdev=net,romfile='],
      ['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
      ['-qmp', `unix:${join(options.folder, 'qmp')},server=on,wait=off`],
      options.document ? ['-fw_cfg', `name=opt/com.coreos/config,file=${options.document}`] : [],
    ].flat()
    this.#qemu = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#qemu.stdout?.on('data', (chunk: Buffer) => (this.#console += chunk.toString('utf8')))
    this.#ended = new Promise((resolve, reject) => {
      this.#qemu.once('error', reject)
      this.#qemu.once('close', (code) => resolve(code))
    })
  }

  static async start(options: DirectGuestOptions): Promise<DirectGuest> {
    return new DirectGuest(options, await freePort())
  }

  /** What the guest has written to its serial console. */
  get console(): string {
    return this.#console
  }

  /** Waits until the guest has switched itself off. */
  async off(timeoutMs: number): Promise<void> {
    await waitFor(
      async () =>
        this.#qemu.exitCode === null
          ? { state: 'pending', seen: this.console.slice(-500) }
          : { state: 'ready', value: undefined },
      { what: 'the guest to switch itself off', timeoutMs },
    )
    await this.#ended
  }

  /** Presses the power button. */
  async pressPowerButton(): Promise<void> {
    const monitor = createConnection(join(this.#folder, 'qmp'))
    for (const execute of ['qmp_capabilities', 'system_powerdown']) {
      monitor.write(`${JSON.stringify({ execute })}\n`)
    }
    await once(monitor, 'data')
    monitor.on('error', () => undefined) // the guest may be gone before the connection is
    monitor.unref()
  }

  /** Runs a shell command as `user`, whatever it ends with. `hostKey` is the only host key that is accepted. */
  async trySsh(
    user: string,
    hostKey: string,
    command: string,
    connectSeconds = 60, // an emulated guest beside other labs
  ): Promise<CommandResult> {
    const known = join(this.#folder, 'known_hosts')
    await writeFile(known, `[127.0.0.1]:${this.#port} ${hostKey}\n`)
    const options = [
      'BatchMode=yes',
      `ConnectTimeout=${connectSeconds}`,
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${known}`,
      'GlobalKnownHostsFile=/dev/null',
      'IdentitiesOnly=yes',
    ].flatMap((option) => ['-o', option])
    const key = join(this.#folder, 'user_key')
    return await tryLocally([
      'ssh',
      '-F',
      'none',
      '-i',
      key,
      ...options,
      '-p',
      String(this.#port),
      `${user}@127.0.0.1`,
      command,
    ])
  }

  /** Its standard output. Throws when the command fails. */
  async ssh(user: string, hostKey: string, command: string): Promise<string> {
    const result = await this.trySsh(user, hostKey, command)
    if (result.exitCode !== 0) throw new Error(`ssh: ${result.exitCode}: ${result.stderr}`)
    return result.stdout.trim()
  }

  /** Waits until `user` can log in; resolves to the time since power-on, in milliseconds. */
  async loggedIn(user: string, hostKey: string, timeoutMs: number): Promise<number> {
    const started = performance.now()
    await waitFor(
      async () => {
        if (this.#qemu.exitCode !== null) return { state: 'failed', reason: this.console.slice(-2000) }
        const result = await this.trySsh(user, hostKey, 'true', 5)
        if (result.exitCode === 0) return { state: 'ready', value: undefined }
        return { state: 'pending', seen: `${result.stderr.trim()}\n${this.console.slice(-500)}` }
      },
      { what: `${user} to log in to the guest`, timeoutMs, maxIntervalMs: 200 },
    )
    return performance.now() - started
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#qemu.exitCode === null) this.#qemu.kill('SIGKILL')
    await this.#ended
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
