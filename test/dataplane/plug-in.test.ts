import { expect, test } from 'vitest'
import { quoteArgv } from '../../src/core/shell-quote.ts'
import { plugCommands } from '../../src/dataplane/dpservice/plug-in.ts'

test('a device is made ready before it becomes a port of the bridge, and has its neighbours once it is up', () => {
  const commands = plugCommands({
    netdev: 'dtap0',
    bridge: 'br-underlay',
    macAddress: '02:00:00:00:00:01',
    offloadsOff: ['tx', 'tso'],
    neighbours: [
      { address: 'fe80::2', macAddress: '02:00:00:00:00:02', router: true },
      { address: 'fe80::3', macAddress: '02:00:00:00:00:03', router: false },
    ],
  })
  expect(commands.map(quoteArgv)).toEqual([
    'ip link set dev dtap0 address 02:00:00:00:00:01',
    'ethtool -K dtap0 tx off tso off',
    'ip link set dev dtap0 master br-underlay up',
    'ip neigh replace fe80::2 lladdr 02:00:00:00:00:02 router dev dtap0 nud permanent',
    'ip neigh replace fe80::3 lladdr 02:00:00:00:00:03 dev dtap0 nud permanent',
  ])
})

test('a device of which nothing more is said is put into the bridge alone', () => {
  expect(plugCommands({ netdev: 'dtapvf_0', bridge: 'br-vm1' }).map(quoteArgv)).toEqual([
    'ip link set dev dtapvf_0 master br-vm1 up',
  ])
})
