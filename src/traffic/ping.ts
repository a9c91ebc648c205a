/** Round trips of small packets over a stretch of time, with when each answer came. By iputils' ping, which is everywhere. */
import { MeasurementError } from '../core/errors.ts'
import type { TrafficEnd } from '../machine/traffic-end.ts'

export interface PingOptions {
  readonly address: string
  readonly seconds: number
  /** Between two packets; below 0.2 only root may, which guests are logged in as. */
  readonly intervalSeconds: number
}

export interface Echo {
  /** When the answer came, by the sender's clock, epoch milliseconds. */
  readonly atMs: number
  readonly rttSeconds: number
}

export interface PingOutput {
  readonly echoes: readonly Echo[]
  readonly sent: number
  readonly received: number
}

/** @throws MeasurementError when ping does not end in order; ConnectionError */
export async function pingFor(
  from: TrafficEnd,
  { address, seconds, intervalSeconds }: PingOptions,
  signal: AbortSignal,
): Promise<{ readonly output: PingOutput; readonly text: string }> {
  const count = String(Math.max(1, Math.round(seconds / intervalSeconds)))
  const often = ['-n', '-D', '-i', String(intervalSeconds), '-c', count, '-W', '2']
  const command = ['env', 'LC_ALL=C', 'ping', ...often, '-w', String(Math.ceil(seconds + 5)), address]
  const { stdout, stderr } = await from.ssh.tryRun(command, { timeoutMs: (seconds + 20) * 1000, signal })
  signal.throwIfAborted()
  const output = parsePing(stdout)
  if (output && output.received > 0) return { output, text: stdout }
  const said = stderr.trim() || stdout.trim().split('\n').at(-1) || 'no output'
  throw new MeasurementError(`${from.name}: ping ${address} told nothing: ${said}`)
}

/** Reads `ping -D`; `undefined` when its closing statistics are missing. A duplicate answer is not another packet. */
export function parsePing(text: string): PingOutput | undefined {
  const [, sent, received] = /^(\d{1,9}) packets transmitted, (\d{1,9}) received/m.exec(text) ?? []
  if (sent === undefined || received === undefined) return undefined
  const lines = text.matchAll(/^\[(\d{1,12}\.\d{1,9})\] .*\btime=(\d{1,9}(?:\.\d{1,9})?) ms(.*)$/gm)
  const echoes = [...lines].flatMap(([, at, ms, rest]) =>
    rest?.includes('DUP') ? [] : [{ atMs: Number(at) * 1000, rttSeconds: Number(ms) / 1000 }],
  )
  return { echoes, sent: Number(sent), received: Number(received) }
}
