/** The table of commands. A further object is a file like the three below and rows in `daemon/methods.ts`. */
import type { Command } from './command.ts'
import { interfaceCommands } from './interface-commands.ts'
import { routeCommands } from './route-commands.ts'
import { serviceCommands } from './service-commands.ts'

export function createCommands(clientVersion: string): readonly Command[] {
  return [...serviceCommands(clientVersion), ...interfaceCommands, ...routeCommands]
}

/** dpservice's objects, by all their names, that softplane does not serve. */
const absentObjects = `
  prefix prefixes prfx prfxs
  virtualip virtualips vip vips
  loadbalancer loadbalancers lb lbs
  loadbalancer-prefix loadbalancer-prefixes lbprefix lbprefixes lbprfx lbprfxs
  loadbalancer-target loadbalancer-targets lbtarget lbtargets lbtrgt lbtrgts
  nat nats translation
  neighbornat neighbornats neighnat nnat ngbnat
  firewallrule firewallrules fwrule fwrules fw-rule fw-rules
`

export const absentNouns: readonly string[] = absentObjects.trim().split(/\s+/)
