/** What the machine must have for softplane's end-to-end tests. */
import { tryLocally } from '../../../src/core/local-command.ts'

const programs = ['dockerd', 'docker', 'dhclient', 'iperf3', 'mmdebstrap', 'nsenter', 'ip', 'ss', 'ping']

/** Why they cannot run here, if they cannot. */
export async function missingRequirement(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it needs Linux'
  if (process.getuid?.() !== 0) return 'it needs root'
  for (const program of programs) {
    const found = await tryLocally(['sh', '-c', `command -v ${program}`])
    if (found.exitCode !== 0) return `it needs the program ${program}`
  }
  return undefined
}
