/** Writes the lab's config: the same format as of any other site, so that the suites cannot tell that it is a lab. */
import { writeFile } from 'node:fs/promises'
import type { HypervisorDescription, LabDescription, VmDescription } from './description.ts'
import { dpserviceThroughput, expectedThroughput } from './expected-throughput.ts'
import { dataPlaneMemoryMb, hugepagesFolder } from './hugepages.ts'
import { underlayBridge } from './network/fabric.ts'
import { macAddress } from './tag.ts'

/** The VNI of all VMs of a lab. */
const vni = 100
/** Ports that a NATed VM may use: more than the flows of any suite. */
const natPorts = [10240, 10360]

export async function writeLabConfig(lab: LabDescription): Promise<void> {
  await writeFile(lab.configFile, `${JSON.stringify(labConfig(lab), undefined, 2)}\n`, { mode: 0o600 })
}

/** The config as data. */
export function labConfig(lab: LabDescription): Record<string, unknown> {
  const [first, second, ...others] = lab.hypervisors
  const behindNat = second?.vms[0]
  // The first is the old suite's only one. Of the others none is the VM that the load balancer is reached from.
  const backends = [second, ...others].flatMap((each) => each?.vms ?? []).concat(first?.vms.slice(1) ?? [])
  const plain = lab.dataplane === 'none'
  const expected =
    lab.dataplane === 'dpservice' ? dpserviceThroughput[lab.guests] : expectedThroughput[lab.guests]
  return {
    ...(plain && { dataplane: 'none' }),
    key_file: lab.keyFile,
    public_key_file: lab.publicKeyFile,
    ...(lab.image === undefined ? {} : { default_dpservice_image: lab.image }),
    // what --stage dev builds with; the machine's own Docker is none of the lab's business
    docker_host: `unix://${lab.controller.dockerSocket}`,
    // an emulated CPU starves one of three flows for a second now and then, and an empty second is no measurement
    concurrent_flow_count: lab.guests === 'qemu' ? 2 : 3,
    // Both hypervisors and all guests share the cores of one machine, which other work shares too: a wide spread is no fault.
    measurement: { profile: 'quick', max_cov: 0.6 },
    expected_throughput: plain ? { plain: placementsOf(expected.hw) } : expected,
    // Small enough for a machine whose cores and memory all guests share.
    libvirt: { domain_type: 'qemu', vcpus: 1, memory_mib: 1024 },
    hypervisors: lab.hypervisors.map((hypervisor, index) => ({
      machine_name: hypervisor.name,
      host_address: hypervisor.address,
      user_name: 'root',
      port: hypervisor.port,
      host_key: hypervisor.hostKey,
      ...(plain ? {} : { dpservice: dataPlane(lab, hypervisor, index) }),
      vms: hypervisor.vms.map((vm, position) => ({
        ...vmConfig(vm, index, position, plain),
        ...(vm === behindNat && !plain ? { nat: { ip: '10.10.20.20', ports: natPorts } } : {}),
      })),
    })),
    ...(second && behindNat && !plain
      ? {
          lb: {
            name: 'test_lb',
            ip: '10.20.30.30',
            ports: 'TCP/5201,TCP/50007',
            vni,
            lb_nodes: [second.name],
            lb_machines: backends.slice(0, 2).map(({ name }) => name),
          },
        }
      : {}),
  }
}

/** Without a data plane there is neither NAT nor a load balancer. */
function placementsOf({ local_vm2vm, remote_vm2vm }: (typeof expectedThroughput)['qemu']['hw']): object {
  return { local_vm2vm, remote_vm2vm }
}

/** `index` counts hypervisors, `position` a hypervisor's VMs, both from 0. Addresses start at .4 as dpservice's own do. */
function vmConfig(
  vm: VmDescription,
  index: number,
  position: number,
  plain: boolean,
): Record<string, unknown> {
  const { guest } = vm
  return {
    machine_name: vm.name,
    if_config: {
      ipv4: `10.200.${index + 1}.${position + 4}`,
      ipv6: `2001:db8:${index + 1}::${(position + 4).toString(16)}`,
      vni,
      bridge: vm.bridge,
      ...(plain ? {} : { device: `net_tap${position + 2}`, netdev: `dtapvf_${position}` }),
    },
    ...(guest ? { host_address: guest.address, mac_address: guest.macAddress, host_key: guest.hostKey } : {}),
  }
}

/** How a data plane runs without a SmartNIC: dpservice's TAP mode. Two ports for the underlay, then one per VM. */
function dataPlane(
  lab: LabDescription,
  hypervisor: HypervisorDescription,
  index: number,
): Record<string, unknown> {
  const netdevs = ['dtap0', 'dtap1', ...hypervisor.vms.map((_, position) => `dtapvf_${position}`)]
  const mac = (netdev: string): string => macAddress(lab.name, `${hypervisor.name} ${netdev}`)
  return {
    eal_arguments: [
      '-l',
      '0,1',
      '--no-pci',
      '--huge-unlink',
      '-m',
      String(dataPlaneMemoryMb),
      `--file-prefix=dpbench-${lab.tag}-${index + 1}`,
      ...netdevs.map((netdev, port) => `--vdev=net_tap${port},iface=${netdev},mac=${mac(netdev)}`),
    ],
    arguments: [
      '--pf0=dtap0',
      '--pf1=dtap1',
      '--vf-pattern=dtapvf_',
      '--nic-type=tap',
      `--ipv6=fc00:${(index + 1).toString(16)}::1`,
      '--enable-ipv6-overlay',
      '--no-stats',
    ],
    environment: { DP_CONF: '' },
    privileged: false,
    cap_add: ['NET_ADMIN', 'SYS_ADMIN'],
    devices: ['/dev/net/tun'],
    mounts: [],
    attach: [{ netdev: 'dtap0', bridge: underlayBridge }],
    ...(lab.dataplane === 'dpservice' ? tapMode(lab, hypervisor) : {}),
  }
}

/**
 * What dpservice wants beyond that, and softplane does by itself (DPSERVICE.md, "TAP mode"): huge pages and the right to
 * lock them; for each TAP device another MAC address than its port's and whole checksums; and the other hypervisor's
 * port as the router that it sends everything to.
 */
function tapMode(lab: LabDescription, hypervisor: HypervisorDescription): Record<string, unknown> {
  const tap = (netdev: string, bridge: string): Record<string, unknown> => ({
    netdev,
    bridge,
    mac_address: macAddress(lab.name, `${hypervisor.name} netdev ${netdev}`),
    offloads_off: ['tx', 'tso'],
  })
  const other = lab.hypervisors.find((each) => each !== hypervisor)
  const router = {
    address: 'fe80::2',
    mac_address: macAddress(lab.name, `${other?.name} dtap0`),
    router: true,
  }
  return {
    cap_add: ['NET_ADMIN', 'SYS_ADMIN', 'IPC_LOCK'],
    mounts: [`${hugepagesFolder}:/dev/hugepages`],
    attach: [
      { ...tap('dtap0', underlayBridge), neighbours: [router] },
      ...hypervisor.vms.map(({ bridge }, position) => tap(`dtapvf_${position}`, bridge)),
    ],
  }
}
