import { expect, test } from 'vitest'
import {
  cutsLargePackets,
  packetsOf,
  parseCounters,
} from '../../lab/softplane/image/daemon/telemetry/packet-counters.ts'
import { telemetrySocket } from '../../lab/softplane/image/daemon/eal-arguments.ts'

const counters = parseCounters(
  JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { counter: { family: 'inet', name: 'net_tap2_in_single', packets: 10, bytes: 1000 } },
      { counter: { family: 'inet', name: 'net_tap2_in_large', packets: 3, bytes: 150_000 } },
      { counter: { family: 'inet', name: 'net_tap2_out_single', packets: 4, bytes: 400 } },
      { counter: { family: 'inet', name: 'net_tap2_out_large', packets: 1, bytes: 60_001 } },
    ],
  }),
)
const packets = (cutOnTheWayOut: boolean, cutAtPort: boolean) =>
  packetsOf(counters, 'net_tap2', 1500, { cutOnTheWayOut, cutAtPort })

test('large packets are in software where a device cuts them up, one for each piece', () => {
  expect(packets(false, false)).toEqual({ received: 10, transmitted: 4 })
  expect(packets(true, false)).toEqual({ received: 110, transmitted: 4 })
  expect(packets(false, true)).toEqual({ received: 10, transmitted: 45 })
})

test('a device cuts when its segmentation offload is off', () => {
  const features = (state: string): string =>
    `Features for pf0:\ntx-checksumming: on\ntcp-segmentation-offload: ${state}\n\ttx-tcp-segmentation: ${state}\n`
  expect(cutsLargePackets(features('on'))).toBe(false)
  expect(cutsLargePackets(features('off'))).toBe(true)
  expect(cutsLargePackets(features('off [requested on]'))).toBe(true)
})

test("the socket is where DPDK's would be", () => {
  expect(telemetrySocket(['-l', '0'])).toBe('/var/run/dpdk/rte/dpdk_telemetry.v2')
  expect(telemetrySocket(['--file-prefix', 'x'])).toBe('/var/run/dpdk/x/dpdk_telemetry.v2')
  expect(telemetrySocket(['--file-prefix=y', '--no-telemetry'])).toBeUndefined()
})
