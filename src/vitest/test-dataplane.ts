/** The fixture `dataplane`: what a test asks of the data plane, undone after it. */
import type { DisposalStack } from '../core/disposal-stack.ts'
import type { DeployedDataplane } from '../dataplane/dataplane.ts'
import type { Environment } from '../environment/environment.ts'
import type { Hypervisor } from '../machine/hypervisor.ts'
import type { VirtualMachine } from '../machine/virtual-machine.ts'
import { balancerThrough, natThrough } from './network-functions.ts'
import type { BalancedPath, NatPath } from './placement.ts'
import type { Through } from './through.ts'

/** The data plane in one test: what the test creates is undone after it, whether it passes or not. */
export interface TestDataplane {
  /** Lets two VMs reach each other, both ways. @throws DeployError */
  route(a: VirtualMachine, b: VirtualMachine): Promise<void>
  /** Puts the path's sender behind its NAT, with the routes through it. @throws DeployError */
  nat(path: NatPath): Promise<Through>
  /** Makes the path's load balancer, with its backends and the routes through it. @throws DeployError */
  loadBalancer(path: BalancedPath): Promise<Through>
  /**
   * Kills the data plane on a hypervisor, as a crash does: what it was told is gone. It is started again after the test, if the
   * test does not.
   * @throws DeployError
   */
  kill(hypervisor: Hypervisor): Promise<void>
  /** Starts it again, and tells it all that it knew: interfaces, routes, NAT, load balancers. @throws DeployError, WaitError */
  start(hypervisor: Hypervisor): Promise<void>
  /** What runs, for whatever has no fixture. */
  readonly deployed: DeployedDataplane
}

/** @param undo of the test */
export function dataplaneIn(
  environment: Environment,
  undo: DisposalStack,
  signal: AbortSignal,
): TestDataplane {
  return {
    deployed: environment.dataplane,
    async route(a, b) {
      signal.throwIfAborted()
      undo.defer(await environment.dataplane.route(a, b))
    },
    async kill({ name }) {
      signal.throwIfAborted()
      undo.defer(() => environment.dataplane.start(name))
      await environment.dataplane.kill(name)
    },
    start: ({ name }) => environment.dataplane.start(name, signal),
    nat: (path) => natThrough(environment, undo, path),
    loadBalancer: (path) => balancerThrough(environment, undo, path),
  }
}
