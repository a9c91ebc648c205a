/** Reads what the process script of `processes.ts` writes: per process and file a line `<port> <file> <bytes>`, then the bytes. */
import type { CommandResult } from '../core/command-result.ts'

/** What one process left behind. */
export interface ProcessOutput {
  /** `null` when it was killed before its status could be kept. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  /** By its machine's clock, epoch milliseconds, just before it was started. */
  readonly launchedAtMs: number | undefined
}

/** By port. Processes whose frames did not come back whole are left out. */
export function parseFrames(result: CommandResult): Map<number, ProcessOutput> {
  const bytes = Buffer.from(result.stdout, 'utf8')
  const files = new Map<number, Map<string, string>>()
  for (let offset = 0; offset < bytes.length;) {
    const newline = bytes.indexOf('\n', offset)
    if (newline < 0) break
    const header = /^(\d+) (at|status|out|err) (\d+)$/.exec(bytes.toString('utf8', offset, newline))
    if (!header) break
    const [, port, file, length] = header
    const end = newline + 1 + Number(length)
    if (end > bytes.length) break
    const ofPort = files.get(Number(port)) ?? new Map<string, string>()
    files.set(Number(port), ofPort.set(file!, bytes.toString('utf8', newline + 1, end)))
    offset = end
  }
  const whole = [...files].filter(([, ofPort]) => ofPort.size === 4)
  return new Map(whole.map(([port, ofPort]) => [port, describe(ofPort)]))
}

function describe(files: ReadonlyMap<string, string>): ProcessOutput {
  const status = files.get('status')!.trim()
  const nanoseconds = files.get('at')!.trim()
  return {
    exitCode: /^\d{1,3}$/.test(status) ? Number(status) : null,
    stdout: files.get('out')!,
    stderr: files.get('err')!,
    launchedAtMs: /^\d{16,20}$/.test(nanoseconds) ? Number(nanoseconds) / 1e6 : undefined,
  }
}
