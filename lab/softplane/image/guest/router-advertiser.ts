/**
 * Router advertisements on one port: the guest's default route by fe80::1, and the flag that sends it to DHCPv6 for its
 * address. radvd sends them, as they take a raw socket.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const configuration = (device: string): string => `
interface ${device} {
  AdvSendAdvert on;
  AdvManagedFlag on;
  AdvOtherConfigFlag on;
  AdvDefaultLifetime 9000;
  MinRtrAdvInterval 5;
  MaxRtrAdvInterval 10;
};
`

export class RouterAdvertiser {
  readonly #directory: string
  readonly #radvd: ChildProcess

  private constructor(directory: string, radvd: ChildProcess) {
    this.#directory = directory
    this.#radvd = radvd
  }

  static async open(device: string): Promise<RouterAdvertiser> {
    const directory = mkdtempSync(join(tmpdir(), 'radvd-'))
    const file = join(directory, 'radvd.conf')
    writeFileSync(file, configuration(device))
    const radvd = spawn(
      'radvd',
      ['--nodaemon', '--logmethod', 'stderr', '--config', file, '--pidfile', join(directory, 'pid')],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const advertiser = new RouterAdvertiser(directory, radvd)
    await once(radvd, 'spawn')
    radvd.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk))
    return advertiser
  }

  async close(): Promise<void> {
    const ended = once(this.#radvd, 'exit')
    if (this.#radvd.exitCode === null && this.#radvd.kill('SIGKILL')) await ended
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
