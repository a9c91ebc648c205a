/** From the file's keys to the loaded config: defaults filled in, paths and host keys resolved. */
import { expandPath, resolveHostKey, type FileScope } from './key-files.ts'
import { resolveMeasurement } from './measurement.ts'
import type { ConfigFile, DpserviceFile, HypervisorFile, VmFile } from './schema.ts'
import { type ExpectedFile, expectationUnits } from './schema-expected.ts'
import type { LibvirtFile } from './schema-libvirt.ts'
import type {
  BenchConfig,
  DpserviceConfig,
  ExpectedThroughput,
  FigureExpectation,
  HypervisorConfig,
  LibvirtConfig,
  LoadBalancerConfig,
  QuarantineEntry,
  VmConfig,
} from './types.ts'

/** @param file has passed the schema, the cross-checks and the check of its files. */
export async function normalize(
  file: ConfigFile,
  name: string,
  sourceFile: string,
  scope: FileScope,
): Promise<BenchConfig> {
  return deepFreeze({
    name,
    sourceFile,
    keyFile: expandPath(file.key_file ?? file.public_key_file, scope),
    publicKeyFile: expandPath(file.public_key_file, scope),
    ...(file.dataplane === 'none' && { dataplane: file.dataplane }),
    ...defined({ defaultDpserviceImage: file.default_dpservice_image, dockerHost: file.docker_host }),
    concurrentFlowCount: file.concurrent_flow_count,
    expectedThroughput: {
      'non-offload': throughput(file.expected_throughput?.sw),
      offload: throughput(file.expected_throughput?.hw),
      ...(file.dataplane === 'none' && { plain: throughput(file.expected_throughput?.plain) }),
    },
    expected: {
      'non-offload': expected(file.expected?.sw),
      offload: expected(file.expected?.hw),
      ...(file.dataplane === 'none' && { plain: expected(file.expected?.plain) }),
    },
    measurement: resolveMeasurement(file.measurement),
    libvirt: libvirt(file.libvirt ?? {}, scope),
    hypervisors: await Promise.all(file.hypervisors.map((one) => hypervisor(one, scope))),
    ...defined({ quarantine: file.quarantine?.map(quarantined) }),
    ...defined({ loadBalancer: file.lb && loadBalancer(file.lb) }),
  })
}

function quarantined({
  test,
  scenario,
  mode,
  issue,
  until,
  reason,
}: NonNullable<ConfigFile['quarantine']>[number]): QuarantineEntry {
  return { ...defined({ test, scenario, mode, reason }), issue, until }
}

function throughput(file: NonNullable<ConfigFile['expected_throughput']>['sw'] = {}): ExpectedThroughput {
  const { local_vm2vm, remote_vm2vm, lb, nat } = file
  return defined({ local_vm2vm, remote_vm2vm, nat: nat ?? remote_vm2vm, lb })
}

function expected(file: ExpectedFile['sw'] = {}): Record<string, FigureExpectation> {
  return Object.fromEntries(
    Object.entries(file).map(([name, { at_least: least, at_most: most, unit: written }]) => {
      const [unit, factor] = expectationUnits[written]
      const bound = least === undefined ? ('at_most' as const) : ('at_least' as const)
      return [name, { bound, value: (least ?? most ?? 0) * factor, unit }]
    }),
  )
}

async function hypervisor(file: HypervisorFile, scope: FileScope): Promise<HypervisorConfig> {
  return {
    name: file.machine_name,
    ...defined({ role: file.role, hostKey: file.host_key && (await resolveHostKey(file.host_key, scope)) }),
    address: file.host_address,
    user: file.user_name,
    port: file.port ?? 22,
    sudo: file.sudo ?? file.user_name !== 'root',
    dpservice: dpservice(file.dpservice ?? {}),
    vms: await Promise.all(file.vms.map((one) => vm(one, file.machine_name, scope))),
  }
}

async function vm(file: VmFile, hypervisorName: string, scope: FileScope): Promise<VmConfig> {
  const nic = file.if_config
  return {
    name: file.machine_name,
    hypervisor: hypervisorName,
    vni: nic.vni ?? 0,
    ...defined({
      ipv4: nic.ipv4,
      ipv6: nic.ipv6,
      pciAddress: nic.pci_addr,
      bridge: nic.bridge,
      device: nic.device,
      netdev: nic.netdev,
      nat: file.nat,
      address: file.host_address,
      macAddress: file.mac_address?.toLowerCase(),
      hostKey: file.host_key && (await resolveHostKey(file.host_key, scope)),
    }),
  }
}

/** Defaults for real hardware: DPSERVICE.md, "Running it". */
function dpservice(file: DpserviceFile): DpserviceConfig {
  const mounts = file.mounts ?? ['/dev/hugepages', '/dev', '/run/dpservice', '/var/run/dpdk/rte']
  return {
    ealArguments: file.eal_arguments ?? ['-l', '0,1'],
    arguments: file.arguments ?? ['--enable-ipv6-overlay'],
    environment: file.environment ?? {},
    privileged: file.privileged ?? true,
    capAdd: file.cap_add ?? [],
    capDrop: file.cap_drop ?? [],
    noNewPrivileges: file.no_new_privileges ?? false,
    devices: file.devices ?? [],
    mounts: mounts.map((mount) => (mount.includes(':') ? mount : `${mount}:${mount}`)),
    attach: (file.attach ?? []).map(attachment),
    ...defined({ containerName: file.container_name }),
  }
}

function attachment(file: NonNullable<DpserviceFile['attach']>[number]): DpserviceConfig['attach'][number] {
  return {
    netdev: file.netdev,
    bridge: file.bridge,
    ...defined({ macAddress: file.mac_address?.toLowerCase() }),
    offloadsOff: file.offloads_off ?? [],
    neighbours: (file.neighbours ?? []).map(({ address, mac_address, router }) => ({
      address,
      macAddress: mac_address.toLowerCase(),
      router: router ?? false,
    })),
  }
}

function libvirt(file: LibvirtFile, scope: FileScope): LibvirtConfig {
  const domainType = file.domain_type ?? 'kvm'
  const password = file.console_password
  return {
    domainType,
    machine: file.machine ?? 'q35',
    cpu: {
      // host-passthrough needs KVM; `maximum` is all that the emulation can do
      mode:
        file.cpu?.mode ??
        (file.cpu?.model ? 'custom' : domainType === 'kvm' ? 'host-passthrough' : 'maximum'),
      disabledFeatures: file.cpu?.disabled_features ?? [],
      ...defined({ model: file.cpu?.model }),
    },
    vcpus: file.vcpus ?? 4,
    memoryMib: file.memory_mib ?? 8192,
    pinning: file.pinning ?? {},
    numa: file.numa ?? {},
    hugepages: file.hugepages ?? false,
    video: file.video ?? false,
    network: file.network ?? 'default',
    imageFolder: (file.image_folder ?? '/var/lib/libvirt/images/dpbench').replace(/(?<=.)\/+$/, ''),
    bootTimeoutSeconds: file.boot_timeout_seconds ?? 300,
    ...(password?.hash_file === undefined
      ? {}
      : { consolePassword: { hashFile: expandPath(password.hash_file, scope) } }),
    ...(password?.hash_variable === undefined
      ? {}
      : { consolePassword: { hashVariable: password.hash_variable } }),
  }
}

function loadBalancer(file: NonNullable<ConfigFile['lb']>): LoadBalancerConfig {
  const ports = file.ports.split(',').map((part) => {
    const [protocol, port] = part.trim().split('/')
    return {
      protocol: protocol?.toUpperCase() === 'UDP' ? ('UDP' as const) : ('TCP' as const),
      port: Number(port),
    }
  })
  return {
    name: file.name,
    ip: file.ip,
    ports,
    vni: file.vni,
    nodes: file.lb_nodes,
    machines: file.lb_machines,
  }
}

/** The object without its undefined members, as `exactOptionalPropertyTypes` wants it. */
function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined | ''> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined && member !== ''),
  ) as {
    [K in keyof T]?: Exclude<T[K], undefined | ''>
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
