/**
 * Hosts of namespaces with an sshd and nothing else, on a lab's management network: what a hypervisor is to SSH. They carry the
 * lab's marks, so that taking it down takes them along.
 */
import pLimit from 'p-limit'
import type { HypervisorDescription, LabDescription } from '../lab/lab.ts'
import { startSshd } from '../lab/daemons/sshd.ts'
import { startSshMachine } from '../lab/guests/ssh-machine.ts'
import { connectToMachine, hypervisorAddress } from '../lab/network/management.ts'
import { labPaths } from '../lab/paths.ts'
import { together } from '../src/core/together.ts'

/** Behind the most hypervisors that a lab has. */
const firstIndex = 16

/** Starts `count` of them, and waits until each shows its key. */
export async function lightHosts(
  { name: lab, managementNetwork, publicKeyFile }: LabDescription,
  count: number,
  signal: AbortSignal,
): Promise<HypervisorDescription[]> {
  const block = managementNetwork.replace(/\.0\/24$/, '')
  const limit = pLimit(4)
  const start = async (at: number): Promise<HypervisorDescription> => {
    signal.throwIfAborted()
    const [name, index] = [`light-${at + 1}`, firstIndex + at]
    const folder = labPaths(lab).host(name)
    const { host, hostKey } = await startSshMachine({ lab, name, folder, publicKeyFile, signal })
    await connectToMachine(host, block, index, signal)
    const address = hypervisorAddress(block, index)
    await startSshd(host, address, hostKey, signal)
    return { name, address, port: 22, hostKey, vms: [] }
  }
  return together(Array.from({ length: count }, (_, at) => limit(() => start(at))))
}
