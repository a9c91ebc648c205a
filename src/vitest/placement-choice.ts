/** The fixture `placement`: what a test asks of the config, and its end where the config has it not. */
import type { Environment } from '../environment/environment.ts'
import type { Unmet } from './needs.ts'
import { balancerName, natName, tcpPorts } from './network-functions.ts'
import * as places from './placement.ts'
import type { BalancedPath, NatPath, Path, RolesAcross } from './placement.ts'
import { misfit } from './through.ts'

/**
 * Chooses machines by where they are and what the config gives them. A test whose needs the config does not meet is skipped
 * with the reason; under `--strict` it fails with it.
 */
export interface Placement {
  /** Two VMs of one network on one hypervisor, on one of that `role` if it is given. */
  sameHypervisor(on?: { readonly role?: string }): Path
  /** Two VMs of one network on two hypervisors, of the roles that are given. */
  acrossHypervisors(roles?: RolesAcross): Path
  /** A VM with a NAT whose ports hold all connections of `flows` (default: the config's), and a peer elsewhere. */
  behindNat(needs?: { readonly flows?: number }): NatPath
  /** The config's load balancer with its first `backends` (default 1), and a VM to reach it from with `flows` to each port. */
  loadBalanced(needs?: { readonly backends?: number; readonly flows?: number }): BalancedPath
}

export function placementIn(environment: Environment, unmet: Unmet, measureOnly = false): Placement {
  const { config, dataplane, mode } = environment
  const ofRole = (role: string | undefined): string => (role === undefined ? '' : ` of role "${role}"`)
  return {
    sameHypervisor({ role } = {}) {
      const path = places.onOneHypervisor(environment, role)
      return path ?? unmet(`the config has no two VMs on one hypervisor${ofRole(role)} in one VNI`)
    },
    acrossHypervisors(roles = {}) {
      const asked = [
        roles.from === undefined ? '' : `, from one${ofRole(roles.from)}`,
        roles.to === undefined ? '' : `, to one${ofRole(roles.to)}`,
      ].join('')
      const path = places.acrossHypervisors(environment, roles)
      return path ?? unmet(`the config has no two VMs on different hypervisors in one VNI${asked}`)
    },
    behindNat({ flows = config.concurrentFlowCount } = {}) {
      const path = places.behindNat(environment)
      if (!path) return unmet('the config has no VM with "nat" and a VM of its VNI on another hypervisor')
      const capacity = dataplane.natCapacity(path.nat.ports)
      const reason = misfit({ name: natName(path), capacity }, flows)
      return reason === undefined ? path : unmet(reason)
    },
    loadBalanced({ backends = 1, flows = 1 } = {}) {
      const path = places.loadBalanced(environment, backends)
      if (typeof path === 'string') return unmet(path)
      if (!measureOnly && config.expectedThroughput[mode]?.lb === undefined) {
        return unmet(`the config expects nothing of lb in mode ${mode}: write "lb" into expected_throughput`)
      }
      const { balancer } = path
      const reason = misfit({ name: balancerName(balancer), ports: tcpPorts(balancer.ports) }, flows)
      return reason === undefined ? path : unmet(reason)
    },
  }
}
