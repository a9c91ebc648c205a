/** The management network: a bridge on the machine with one port per hypervisor. */
import { writeFile } from 'node:fs/promises'
import type { NamespaceHost } from '../namespaces/namespace-host.ts'
import { linkPrefix } from '../tag.ts'
import { ip } from './ip.ts'

/** What a lab's links on the machine carry as their alias, for a person who wonders. */
export function linkAlias(lab: string): string {
  return `dpbench lab ${lab}`
}

export function controllerAddress(block: string): string {
  return `${block}.1`
}

/** `index` counts hypervisors from 0. */
export function hypervisorAddress(block: string, index: number): string {
  return `${block}.${11 + index}`
}

/** Makes the bridge, with the controller's address. */
export async function makeManagementBridge(lab: string, block: string, signal: AbortSignal): Promise<void> {
  const bridge = linkPrefix(lab)
  await ip([`link add ${bridge} type bridge stp_state 0`, `link set ${bridge} alias "${linkAlias(lab)}"`], {
    lab,
    signal,
  })
  await writeFile(`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, '1').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error // a machine without IPv6
    },
  )
  await ip([`address add ${controllerAddress(block)}/24 dev ${bridge}`, `link set ${bridge} up`], {
    lab,
    signal,
  })
}

/** Connects a hypervisor: `mgmt0` there, a port of the bridge here. */
export async function connectToMachine(
  host: NamespaceHost,
  block: string,
  index: number,
  signal: AbortSignal,
): Promise<void> {
  const { lab, pid } = host
  const port = `${linkPrefix(lab)}h${index + 1}`
  await ip(
    [
      `link add ${port} type veth peer name mgmt0 netns ${pid}`,
      `link set ${port} alias "${linkAlias(lab)}"`,
      `link set ${port} addrgenmode none`,
      `link set ${port} master ${linkPrefix(lab)}`,
      `link set ${port} up`,
    ],
    { lab, signal },
  )
  await ip([`address add ${hypervisorAddress(block, index)}/24 dev mgmt0`, 'link set mgmt0 up'], {
    lab,
    pid,
    signal,
  })
}
