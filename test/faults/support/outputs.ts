/** Stand-ins for what commands print, and a look at what was read from it. */
import { type CommandResult, answered } from '../../../src/core/command-result.ts'
import type { RemoteHost } from '../../../src/transport/host.ts'

/** A command's result with this output. */
export const printed = (stdout: string, exitCode = 0): CommandResult =>
  answered('vm1', ['x'], stdout, exitCode)

/** A machine on which every command prints this. */
export function saying(stdout: string): RemoteHost {
  const result = async (): Promise<CommandResult> => printed(stdout)
  return { name: 'vm1', run: result, tryRun: result } as unknown as RemoteHost
}

/** A figure that is none must not be reported as one. */
export function refuseNonsense(value: unknown, where = 'the figures'): void {
  if (typeof value === 'number' && Number.isNaN(value)) throw new TypeError(`${where}: NaN`)
  if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) refuseNonsense(member, `${where}.${key}`)
}

/** As `virsh net-dumpxml` prints it. */
export const network = `<network><name>default</name><uuid>u</uuid><forward mode='nat'/><bridge name='virbr0'/>
<ip address='192.168.122.1'><dhcp><range start='1' end='2'/><host mac='52:54:00:00:00:0A' ip='192.168.122.10'/></dhcp></ip></network>`
