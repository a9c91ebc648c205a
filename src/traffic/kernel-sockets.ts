/**
 * What the sender's kernel says of iperf3's connections while they send: iperf3 echoes the MSS that it was asked for, which
 * is no proof that the kernel uses it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { TrafficEnd } from '../machine/traffic-end.ts'

export interface KernelSocket {
  /** Bytes of TCP payload per segment, without options. */
  readonly mss: number
  readonly sentBytes: number
}

/** Linux pads the 10 bytes of TCP's timestamps to 12. */
const timestampBytes = 12

/**
 * The MSS in the terms of `iperf3 -M`, which counts TCP's options in: `asked` where the kernel's payload per segment is that
 * with or without timestamps, else the kernel's own figure.
 */
export function mssInUse({ mss }: KernelSocket, asked: number): number {
  return mss + timestampBytes === asked ? asked : mss
}

/**
 * Asks for the connections to the servers' `ports`, `afterSeconds` from now. By port, the data connection of each: the one
 * that sent most, beside the control connection to the same port.
 */
export async function kernelSockets(
  { ssh }: TrafficEnd,
  ports: readonly number[],
  afterSeconds: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, KernelSocket>> {
  await delay(afterSeconds * 1000, undefined, { signal })
  const range = `( dport >= :${Math.min(...ports)} and dport <= :${Math.max(...ports)} )`
  const { stdout } = await ssh.run(['ss', '-Htin', 'state', 'established', range], { signal })
  return parseSockets(stdout)
}

/** Reads `ss -Htin`: per socket a line with its addresses, then an indented one with what TCP knows. */
export function parseSockets(text: string): ReadonlyMap<number, KernelSocket> {
  const found = new Map<number, KernelSocket>()
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const [, port] = /:(\d+)\s*$/.exec(line) ?? []
    const details = lines[index + 1] ?? ''
    const [, mss] = /\bmss:(\d+)/.exec(details) ?? []
    if (port === undefined || mss === undefined || /^\s/.test(line)) continue
    const sentBytes = Number(/\bbytes_sent:(\d+)/.exec(details)?.[1] ?? 0)
    const known = found.get(Number(port))
    if (!known || known.sentBytes < sentBytes) found.set(Number(port), { mss: Number(mss), sentBytes })
  }
  return found
}
