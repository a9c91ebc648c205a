/** The data plane's network devices on the hypervisor, where it runs without a SmartNIC: into bridges, as the config says. */
import { DeployError, describeError } from '../../core/errors.ts'
import { inOrder } from '../../core/shell-quote.ts'
import type { Hypervisor } from '../../machine/hypervisor.ts'

export interface Plug {
  readonly netdev: string
  readonly bridge: string
  /**
   * Another one than that of the data plane's port behind the device, where both begin with the same: a bridge takes the
   * frames to an address of its own devices for itself.
   */
  readonly macAddress?: string | undefined
  /** As `ethtool -K` names them. */
  readonly offloadsOff?: readonly string[] | undefined
  /** Permanent ones of the device, for a data plane that looks there where to send to. */
  readonly neighbours?: readonly Neighbour[] | undefined
}

export interface Neighbour {
  readonly address: string
  readonly macAddress: string
  readonly router: boolean
}

/** All of it goes away with the devices, and those with the container. @throws DeployError */
export async function plugIn(hypervisor: Hypervisor, plug: Plug): Promise<void> {
  try {
    await hypervisor.ssh.run(inOrder(plugCommands(plug)))
  } catch (error) {
    throw new DeployError(
      `${hypervisor.name}: cannot put ${plug.netdev} into the bridge ${plug.bridge}: ${describeError(error)}; check that ` +
        'the EAL arguments make a device of that name and that the bridge is there',
      { cause: error },
    )
  }
}

/** In their order: frames pass when the device has become a port of the bridge, so that is last but for its neighbours. */
export function plugCommands({ netdev, bridge, macAddress, offloadsOff, neighbours }: Plug): string[][] {
  const device = ['dev', netdev]
  return [
    ...(macAddress === undefined ? [] : [['ip', 'link', 'set', ...device, 'address', macAddress]]),
    ...(offloadsOff?.length
      ? [['ethtool', '-K', netdev, ...offloadsOff.flatMap((name) => [name, 'off'])]]
      : []),
    ['ip', 'link', 'set', ...device, 'master', bridge, 'up'],
    ...(neighbours ?? []).map(({ address, macAddress: mac, router }) => {
      const flag = router ? ['router'] : []
      return ['ip', 'neigh', 'replace', address, 'lladdr', mac, ...flag, ...device, 'nud', 'permanent']
    }),
  ]
}
