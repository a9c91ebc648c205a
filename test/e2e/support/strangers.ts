/** Somebody else's things on the machines of a lab, with names like ours or ours without our label: a run leaves each as it is. */
import { expect } from 'vitest'
import type { TestLab } from './lab.ts'

/** Planted by the first, taken away by the second, told by the third. */
type Plant = readonly [plant: string, remove: string, look?: string]

const domain = (name: string): string =>
  `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>`
const network = "<network><name>dpbench</name><bridge name='br-dpbench'/></network>"
const define = (kind: string, document: string): string =>
  `echo "${document}" > /var/tmp/stranger.xml && virsh ${kind} /var/tmp/stranger.xml > /dev/null && rm /var/tmp/stranger.xml`
/** Processes that look as a run's do, one of them with the mark of somebody's run. */
const process = (name: string, argv: string): Plant => [
  `DPBENCH_RUN=of-somebody setsid sh -c 'echo $$ > /var/tmp/stranger-${name}.pid; exec ${argv}' > /dev/null 2>&1 < /dev/null &
   until [ -s /var/tmp/stranger-${name}.pid ]; do sleep 0.01; done`,
  `kill "$(cat /var/tmp/stranger-${name}.pid)"; rm /var/tmp/stranger-${name}.pid`,
  `tr '\\0' ' ' < "/proc/$(cat /var/tmp/stranger-${name}.pid)/cmdline"`,
]

const onHypervisors = (image: string): readonly Plant[] => [
  ...['dpservice_hypervisor-10', 'x_dpservice_hypervisor-1', 'dpbench'].map((name): Plant => [
    `docker create --name ${name} ${image} > /dev/null`,
    `docker rm ${name} > /dev/null`,
  ]),
  ['docker volume create dpbench > /dev/null', 'docker volume rm dpbench > /dev/null'],
  [
    'docker network create --internal dpbench > /dev/null',
    'docker network rm dpbench > /dev/null',
    'docker network ls --format "{{.Name}}" | sort',
  ],
  ...['vm1', 'vm10'].map((name): Plant => [
    define('define', domain(name)),
    `virsh undefine ${name} > /dev/null`,
    `virsh dumpxml ${name}`,
  ]),
  [define('net-define', network), 'virsh net-undefine dpbench > /dev/null', 'virsh net-dumpxml dpbench'],
  ['ip link add br-vm10 type bridge', 'ip link del br-vm10'],
  ['ip address add 10.200.1.77/32 dev br-vm10', 'true'],
  ['ip route add blackhole 10.200.99.0/24', 'ip route del blackhole 10.200.99.0/24'],
  ['nft add table inet dpbench', 'nft delete table inet dpbench'],
  [
    'mkdir -p /var/tmp/dpbench-guest-1 && echo mine > /var/tmp/dpbench-guest-1/file',
    'rm -r /var/tmp/dpbench-guest-1',
    'cat /var/tmp/dpbench-guest-1/file',
  ],
  process('server', 'iperf3 -s -1 -p 5301 --json'),
]

/** The data NIC is taken down and leased afresh; what others have put on it, and what a lease of ours was kept in, stays. */
const inGuests: readonly Plant[] = [
  ['ip address add 10.77.0.1/24 dev eth1', 'ip address del 10.77.0.1/24 dev eth1'],
  ['ip address add fd77::1/64 dev eth1 nodad', 'ip address del fd77::1/64 dev eth1'],
  ['ip route add 10.78.0.0/16 via 10.77.0.2 dev eth1 proto static', 'true'],
  // goes with its address in IPv4, and stays in IPv6
  ['ip route add fd78::/64 via fd77::2 dev eth1 metric 77', 'ip route del fd78::/64 dev eth1 metric 77'],
  // its gateway was on the link when it was made, and is not any more
  [
    'ip address add fd76::1/64 dev eth1 nodad; ip route add fd79::/64 via fd76::2 dev eth1 metric 79; ip address del fd76::1/64 dev eth1',
    'ip route del fd79::/64 dev eth1 metric 79',
  ],
  ['ip route add 10.200.99.0/24 dev eth0', 'ip route del 10.200.99.0/24 dev eth0'],
  ['nft add table inet dpbench', 'nft delete table inet dpbench'],
  process('dhclient', 'bash -c "exec -a dhclient sleep 4711"'),
  [
    'cp /var/tmp/stranger-dhclient.pid /run/dpbench-dhclient-4-eth1.pid; echo mine > /run/dpbench-dhclient-4-eth1.leases',
    'rm /run/dpbench-dhclient-4-eth1.pid /run/dpbench-dhclient-4-eth1.leases',
    'cat /run/dpbench-dhclient-4-eth1.pid /run/dpbench-dhclient-4-eth1.leases',
  ],
  process('iperf3', 'iperf3 -s -1 -p 5302 --json'),
]

export interface Strangers {
  /** All of them are there, as they were planted. The snapshots of the lab have the rest. */
  expectUntouched(): Promise<void>
  remove(): Promise<void>
}

/** On every hypervisor, and in every guest that the data plane serves. */
export async function plantStrangers(lab: TestLab): Promise<Strangers> {
  const image = lab.description.image!
  const machines = lab.description.hypervisors.flatMap(({ name, vms }) => [
    { name, plants: onHypervisors(image), before: `docker pull -q ${image} > /dev/null` },
    ...vms.map((vm) => ({ name: vm.name, plants: inGuests, before: 'true' })),
  ])
  await Promise.all(
    machines.map(({ name, plants, before }) =>
      lab.shell(name, ['set -e', before, ...plants.map(([plant]) => plant)].join('\n')),
    ),
  )
  const look = async (): Promise<Record<string, string>> => {
    const looks = machines.map(async ({ name, plants }) => {
      const commands = plants.flatMap(([, , command]) => (command === undefined ? [] : [command]))
      return [name, await lab.shell(name, ['set -e', ...commands].join('\n'))] as const
    })
    return Object.fromEntries(await Promise.all(looks))
  }
  const planted = await look()
  return {
    async expectUntouched() {
      expect(await look()).toEqual(planted)
    },
    async remove() {
      const scripts = machines.map(async ({ name, plants }) => {
        const removals = plants.map(([, remove]) => remove).toReversed()
        // one that fails keeps none of the others from going, and is told: the next test has the same lab
        await lab.shell(
          name,
          ['failed=0', ...removals.map((each) => `{ ${each}; } || failed=1`), 'exit $failed'].join('\n'),
        )
      })
      await Promise.all(scripts)
    },
  }
}
