/** Faults of guests and of what carries their packets, planted in a lab with namespace guests without SSH, and their ends. */
import { CommandError } from '../../../src/core/command-result.ts'
import type { TestLab } from '../../e2e/support/lab.ts'

/** Kills the iperf3 of that end on the machine, and no other: the guests of a hypervisor see each other's processes. */
export async function killIperf3(lab: TestLab, machine: string, end: 'client' | 'server'): Promise<void> {
  const flag = end === 'client' ? '-c' : '-s'
  const own = 'readlink /proc/self/ns/net'
  await lab.shell(
    machine,
    `own=$(${own}); n=0
for pid in $(pgrep -x iperf3); do
  [ "$(readlink /proc/$pid/ns/net)" = "$own" ] || continue
  tr '\\0' ' ' < /proc/$pid/cmdline | grep -q -- ' ${flag} ' || continue
  kill -KILL $pid && n=$((n+1))
done
[ $n -gt 0 ]`,
  )
}

/** The cable of the guest's data NIC, at its port in the bridge that no data plane owns. */
export async function setDataLink(lab: TestLab, vm: string, state: 'up' | 'down'): Promise<void> {
  const { hypervisor, bridge, netdev } = placeOf(lab, vm)
  await lab.shell(
    hypervisor,
    `for port in /sys/class/net/${bridge}/brif/*; do
  port=\${port##*/}; [ "$port" = "${netdev}" ] || ip link set dev "$port" ${state}
done`,
  )
}

/** In the place of the address that the data NIC was given another one, as a new lease does it. */
export async function changeAddress(lab: TestLab, vm: string, address: string, other: string): Promise<void> {
  const result = await lab.tryShell(
    vm,
    `set -- $(ip -o -4 address show | awk -v a=${address} '{split($4, p, "/"); if (p[1] == a) print $2, $4}')
ip address add ${other}/\${2#*/} dev "$1" && ip address del "$2" dev "$1"`,
  )
  if (result.exitCode !== 0) throw new CommandError(result)
}

interface Place {
  readonly hypervisor: string
  readonly bridge: string
  readonly netdev: string
  readonly ipv4: string
}

export function placeOf(lab: TestLab, vm: string): Place {
  const { hypervisors } = lab.config as {
    hypervisors: {
      machine_name: string
      vms: { machine_name: string; if_config: { bridge: string; netdev: string; ipv4: string } }[]
    }[]
  }
  for (const { machine_name: hypervisor, vms } of hypervisors)
    for (const { machine_name: name, if_config: nic } of vms)
      if (name === vm) return { hypervisor, bridge: nic.bridge, netdev: nic.netdev, ipv4: nic.ipv4 }
  throw new Error(`${vm} is not in the lab's config`)
}
