/** The table of commands. A further object is a file like those below and rows in `daemon/methods.ts`. */
import type { Command } from './command.ts'
import { firewallCommands } from './firewall-commands.ts'
import { interfaceCommands } from './interface-commands.ts'
import { loadBalancerCommands } from './load-balancer-commands.ts'
import { natCommands } from './nat-commands.ts'
import { prefixCommands } from './prefix-commands.ts'
import { routeCommands } from './route-commands.ts'
import { serviceCommands } from './service-commands.ts'

export function createCommands(clientVersion: string): readonly Command[] {
  return [
    ...serviceCommands(clientVersion),
    ...interfaceCommands,
    ...routeCommands,
    ...natCommands,
    ...prefixCommands,
    ...loadBalancerCommands,
    ...firewallCommands,
  ]
}
