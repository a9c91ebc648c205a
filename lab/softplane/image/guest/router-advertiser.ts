/**
 * Router advertisements on one port: the guest's default route by fe80::1, and the flag that sends it to DHCPv6 for its
 * address. radvd sends them, as they take a raw socket.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Program } from './program.ts'

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
  readonly #radvd: Program

  private constructor(directory: string, radvd: Program) {
    this.#directory = directory
    this.#radvd = radvd
  }

  static async open(device: string): Promise<RouterAdvertiser> {
    const directory = mkdtempSync(join(tmpdir(), 'radvd-'))
    const file = join(directory, 'radvd.conf')
    writeFileSync(file, configuration(device))
    const argv = `radvd --nodaemon --logmethod stderr --debug 2 --config ${file} --pidfile ${directory}/pid`
    return new RouterAdvertiser(directory, await Program.start(argv.split(' '), 'polling for'))
  }

  async close(): Promise<void> {
    await this.#radvd.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
