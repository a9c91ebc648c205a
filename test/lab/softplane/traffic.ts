/** A short measurement between two guests. */
import { waitFor } from '../../../src/core/wait.ts'
import type { TestGuest } from './guest.ts'

interface Iperf3Result {
  readonly end: { readonly sum_received: { readonly bits_per_second: number } }
}

/** The receiver's figure of one TCP connection over two seconds. */
export async function gigabitsPerSecond(from: TestGuest, to: TestGuest, address: string): Promise<number> {
  const server = to.run(['iperf3', '--server', '--one-off'], 30_000)
  await waitFor(
    async () => {
      const seen = await to.run(['ss', '-Hltn', 'sport', '=', ':5201'])
      return seen ? { state: 'ready', value: undefined } : { state: 'pending' }
    },
    { what: `iperf3 to listen in ${to.spec.name}`, timeoutMs: 10_000 },
  )
  const client = await from.run(['iperf3', '--json', '--time', '2', '--client', address], 30_000)
  await server
  return (JSON.parse(client) as Iperf3Result).end.sum_received.bits_per_second / 1e9
}
