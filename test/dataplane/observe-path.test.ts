import { expect, test } from 'vitest'
import { type PathEnd, observePath } from '../../src/dataplane/dpservice/observe-path.ts'
import { type Ask, DpdkCounters } from '../../src/dataplane/dpservice/telemetry.ts'
import { DeployError } from '../../src/core/errors.ts'
import type { VirtualMachine } from '../../src/machine/virtual-machine.ts'

/** dpservice with ports net_tap0 and net_tap1, each of whose nodes has counted `packets()`. */
function counting(packets: () => number, asked: string[] = []): DpdkCounters {
  const ask: Ask = async (requests) => {
    asked.push(...requests)
    return requests.map((request) => {
      if (request === '/ethdev/list') return { [request]: [0, 1] }
      if (request.startsWith('/ethdev/info')) return { '/ethdev/info': { name: `net_tap${request.at(-1)}` } }
      return { [request]: { Node_0_to_255: { 'rx-0-0': packets(), 'tx-1': 2 * packets() } } }
    })
  }
  return new DpdkCounters(ask)
}

const end = (name: string, hypervisor: string, device: string, counters: DpdkCounters): PathEnd => ({
  vm: { name, hypervisor: { name: hypervisor } } as VirtualMachine,
  device,
  counters,
})

test('both ends of a path are told by what was counted in between; on one hypervisor by one reading', async () => {
  let count = 100
  const asked: string[] = []
  const counters = counting(() => count, asked)
  const path = [end('vm1', 'h1', 'net_tap0', counters), end('vm2', 'h1', 'net_tap1', counters)] as const
  const observation = await observePath(...path)
  count = 140
  expect(await observation.end()).toEqual({
    state: 'counted',
    counts: [
      { place: 'taken from vm1 on h1', packets: 40 },
      { place: 'given to vm2 on h1', packets: 80 },
    ],
  })
  expect(asked.filter((request) => request.startsWith('/dp_service'))).toHaveLength(2)
})

test('what cannot be counted at one end, or was counted anew, is unknown, with the reason', async () => {
  const silent = new DpdkCounters(() => Promise.reject(new DeployError('it has no telemetry socket')))
  const from = end(
    'vm1',
    'h1',
    'net_tap0',
    counting(() => 1),
  )
  const observation = await observePath(from, end('vm3', 'h2', 'net_tap1', silent))
  expect(await observation.end()).toEqual({
    state: 'unknown',
    reason: 'dpservice on h2: it has no telemetry socket',
  })
  let count = 100
  const restarted = counting(() => count)
  const again = await observePath(
    end('vm1', 'h1', 'net_tap0', restarted),
    end('vm2', 'h1', 'net_tap1', restarted),
  )
  count = 3
  expect(await again.end()).toMatchObject({ state: 'unknown' })
})
