/** The config file as it is written: its keys, their meaning and what each may hold. Cross-checks are elsewhere. */
import { z } from 'zod'
import * as field from './fields.ts'
import { expectedFile } from './schema-expected.ts'
import { libvirtFile } from './schema-libvirt.ts'
import { quarantineFile } from './schema-quarantine.ts'
import { measurementFile } from './schema-measurement.ts'

const throughputFile = field.object(
  {
    local_vm2vm: field.gbits().optional().describe('Between VMs on one hypervisor, Gbit/s.'),
    remote_vm2vm: field.gbits().optional().describe('Between VMs on two hypervisors, Gbit/s.'),
    lb: field.gbits().optional().describe('Through the load balancer, Gbit/s.'),
    nat: field.gbits().optional().describe('Through NAT, Gbit/s; remote_vm2vm, if not given.'),
  },
  '{ "local_vm2vm": 10, "remote_vm2vm": 8 } in Gbit/s',
)

const neighbourFile = field.object(
  {
    address: field.ipAddress().describe('Its address.'),
    mac_address: field.macAddress().describe('Its MAC address.'),
    router: field.yesNo().optional().describe('Whether it is flagged as a router.').meta({ default: false }),
  },
  '{ "address": "fe80::2", "mac_address": "02:00:00:00:00:02", "router": true }',
)

const dpserviceFile = field.object(
  {
    eal_arguments: field
      .listOf(field.word('an argument', '"-l"'), 'arguments')
      .optional()
      .describe('Before the "--".')
      .meta({ default: ['-l', '0,1'] }),
    arguments: field
      .listOf(field.word('an argument', '"--enable-ipv6-overlay"'), 'arguments')
      .optional()
      .describe('After the "--", without --no-offload, which follows from the mode.')
      .meta({ default: ['--enable-ipv6-overlay'] }),
    environment: z
      .record(z.string(), z.string({ error: 'is not text; write it in quotes' }))
      .optional()
      .describe('Variables of the container.')
      .meta({ default: {} }),
    privileged: field
      .yesNo()
      .optional()
      .describe('Whether the container is privileged.')
      .meta({ default: true }),
    cap_add: field
      .listOf(field.plainName('a capability', '"NET_ADMIN"'), 'capabilities')
      .optional()
      .describe('Capabilities to add.')
      .meta({ default: [] }),
    cap_drop: field
      .listOf(field.plainName('a capability', '"ALL"'), 'capabilities')
      .optional()
      .describe('Capabilities to take away, "ALL" those of Docker\'s default too (docs/privileges.md).')
      .meta({ default: [] }),
    no_new_privileges: field
      .yesNo()
      .optional()
      .describe('Whether no program in the container may gain privileges by being run.')
      .meta({ default: false }),
    devices: field
      .listOf(field.absolutePath('"/dev/net/tun"'), 'devices')
      .optional()
      .describe('Devices of the host in the container.')
      .meta({ default: [] }),
    mounts: field
      .listOf(
        field.text('a mount', '"/dev/hugepages" or "/run/a:/run/b:ro"', (value) =>
          /^\/[^:\0]*(:\/[^:\0]*(:[a-z,]+)?)?$/.test(value),
        ),
        'mounts',
      )
      .optional()
      .describe('Folders of the host in the container, "path" or "host:container[:ro]".')
      .meta({ default: ['/dev/hugepages', '/dev', '/run/dpservice', '/var/run/dpdk/rte'] }),
    attach: field
      .listOf(
        field.object(
          {
            netdev: field.netdevName('"dtap0"').describe('Network device of the data plane.'),
            bridge: field.netdevName('"br-under"').describe('Bridge to put it in.'),
            mac_address: field
              .macAddress()
              .optional()
              .describe(
                "MAC address to give it: another one than its port's, for which a bridge would keep the frames.",
              ),
            offloads_off: field
              .listOf(field.plainName('a feature of ethtool -K', '"tx"'), 'features')
              .optional()
              .describe('Features to turn off: "tx" where its port wants full checksums.')
              .meta({ default: [] }),
            neighbours: field
              .listOf(neighbourFile, '{ "address", "mac_address", "router" }')
              .optional()
              .describe('Permanent neighbours of it: a data plane may look there for its router.')
              .meta({ default: [] }),
          },
          '{ "netdev": "dtap0", "bridge": "br-under" }',
        ),
        '{ "netdev", "bridge" }',
      )
      .optional()
      .describe('Network devices of the data plane to put into bridges once it runs.')
      .meta({ default: [] }),
    container_name: field
      .plainName('a container name', '"dpservice_hypervisor-1"')
      .optional()
      .describe('The name of the container; dpservice_<machine_name>, if not given.'),
  },
  '{ "eal_arguments": ["-l", "0,1"] }',
)
export type DpserviceFile = z.infer<typeof dpserviceFile>

const vmFile = field.object(
  {
    machine_name: field.vmName().describe('Unique among all machines.'),
    if_config: field
      .object(
        {
          ipv4: field
            .ipv4()
            .optional()
            .describe(
              'Overlay address of the data NIC; needed with dpservice, without a data plane one of both.',
            ),
          ipv6: field.ipv6().optional().describe('As ipv4.'),
          vni: field
            .vni()
            .optional()
            .describe('Its virtual network; needed with dpservice. Without a data plane 0, if not given.'),
          pci_addr: field
            .pciAddress()
            .optional()
            .describe('The representor of its VF: <PF>_representor_vf<index>.'),
          bridge: field
            .netdevName('"br-vm1"')
            .optional()
            .describe('Instead of pci_addr: the bridge of the data NIC.'),
          device: field
            .word('a port of the data plane', '"net_tap2"')
            .optional()
            .describe("With bridge and dpservice: the data plane's name of the port."),
          netdev: field
            .netdevName('"dtapvf_0"')
            .optional()
            .describe("With bridge and dpservice: the port's network device."),
        },
        '{ "ipv4": "192.168.129.5", "ipv6": "2002::123", "vni": 66, "pci_addr": "0000:8a:00.0_representor_vf2" }',
      )
      .describe('The data NIC.'),
    nat: field
      .object(
        {
          ip: field.ipv4().describe('The public address.'),
          ports: z
            .tuple([field.port(), field.port()], {
              error: (issue) => `${field.shown(issue.input)} is not a range of ports; write [10240, 10360]`,
            })
            .describe('First and last port; dpservice leaves out the last.'),
        },
        '{ "ip": "10.10.20.20", "ports": [10240, 10360] }',
      )
      .optional()
      .describe('Its NAT.'),
    host_address: field.hostAddress().optional().describe('Written by provisioning: its management address.'),
    mac_address: field.macAddress().optional().describe('Written by provisioning: of its management NIC.'),
    host_key: field.hostKey().optional().describe('Written by provisioning: its SSH host key.'),
  },
  '{ "machine_name": "vm1", "if_config": { … } }',
)
export type VmFile = z.infer<typeof vmFile>

const hypervisorFile = field.object(
  {
    machine_name: field.hypervisorName().describe('Unique among all machines.'),
    role: field.plainName('a role', '"local"').optional().describe('A word that suites may ask for.'),
    host_address: field.hostAddress().describe('Where SSH reaches it.'),
    user_name: field
      .text('a user name', '"root"', (value) => /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(value))
      .describe('The SSH user.'),
    port: field.port().optional().describe('The port of SSH.').meta({ default: 22 }),
    sudo: field
      .yesNo()
      .optional()
      .describe('Whether commands that need root go through sudo; if not given, when the user is not root.'),
    host_key: field
      .hostKey()
      .optional()
      .describe(
        'Its SSH host key: "ssh-ed25519 AAAA…", a fingerprint "SHA256:…", or the path of a public key file.',
      ),
    dpservice: dpserviceFile.optional().describe('How its dpservice container is run.'),
    vms: field.listOf(vmFile, 'VMs').describe('Its VMs.'),
  },
  '{ "machine_name": "hypervisor-1", "host_address": …, "user_name": …, "vms": [ … ] }',
)
export type HypervisorFile = z.infer<typeof hypervisorFile>

const loadBalancerFile = field.object(
  {
    name: field.plainName('a name', '"test_lb"').describe('Its id in dpservice.'),
    ip: field.ipAddress().describe('The virtual address.'),
    ports: field
      .text('a list of ports', '"TCP/5201,TCP/50007"', (value) =>
        value.split(',').every((part) => {
          const found = /^(?:TCP|UDP)\/(\d{1,5})$/i.exec(part.trim())
          return found !== null && Number(found[1]) >= 1 && Number(found[1]) <= 65_535
        }),
      )
      .describe('Balanced ports, "TCP/5201,UDP/53".'),
    vni: field.vni().describe('Its virtual network.'),
    lb_nodes: field
      .listOf(z.string({ error: 'is not the name of a hypervisor' }), 'names of hypervisors')
      .min(1, { error: 'is empty; name at least one hypervisor' })
      .describe('Hypervisors that hold it.'),
    lb_machines: field
      .listOf(z.string({ error: 'is not the name of a VM' }), 'names of VMs')
      .min(1, { error: 'is empty; name at least one VM' })
      .describe('VMs behind it; the suites use the first, and the first two.'),
  },
  '{ "name": "test_lb", "ip": "10.20.30.30", "ports": "TCP/5201", … }',
)

export const configSchema = field.object(
  {
    $schema: z.string().optional().describe('For editors: the path of schema.json.'),
    key_file: field
      .path('"~/.ssh/id_ed25519"')
      .optional()
      .describe(
        'Private SSH key for hypervisors and VMs; if not given, the one in the ssh-agent whose public half is public_key_file (docs/keys.md).',
      ),
    public_key_file: field.path('"~/.ssh/id_ed25519.pub"').describe('Its public key, put into the VMs.'),
    dataplane: field
      .oneOf(['dpservice', 'none'])
      .optional()
      .describe(
        'What carries the traffic: dpservice, which a run deploys, or nothing of dpbench: the suites bring their own, or use what is there (docs/own-suites.md).',
      )
      .meta({ default: 'dpservice' }),
    default_dpservice_image: field
      .text('a container image', '"ghcr.io/ironcore-dev/dpservice:latest"', (value) =>
        /^[^\s"'`$]+$/.test(value),
      )
      .optional()
      .describe('Image that is used when no --docker-image is given.'),
    docker_host: field
      .text('a Docker engine', '"unix:///var/run/docker.sock"', (value) =>
        /^(unix|tcp|ssh|npipe|fd):\/\/\S+$/.test(value),
      )
      .optional()
      .describe(
        "The controller's Docker engine, which --stage dev builds with, as `docker --host` takes it; if not given, the one that the docker program finds (DOCKER_HOST, its context, /var/run/docker.sock).",
      ),
    concurrent_flow_count: field.number('a number of flows', 1, 256).describe('Flows measured at once.'),
    expected_throughput: field
      .object(
        {
          sw: throughputFile.optional().describe('Mode non-offload; needed with dpservice.'),
          hw: throughputFile.optional().describe('Mode offload; needed with dpservice.'),
          plain: throughputFile.optional().describe('With "dataplane": "none", which has no modes.'),
        },
        '{ "sw": { … }, "hw": { … } }',
      )
      .optional()
      .describe('What this hardware must reach, Gbit/s; `dpbench calibrate` finds what is not written.'),
    expected: expectedFile
      .optional()
      .describe(
        'What other figures must reach or must not exceed; one without an entry is reported, not judged.',
      ),
    measurement: measurementFile.optional(),
    quarantine: quarantineFile
      .optional()
      .describe('Tests that are known to fail: until a day they are shown and do not fail the run.'),
    libvirt: libvirtFile.optional().describe('The VMs as libvirt domains.'),
    hypervisors: field
      .listOf(hypervisorFile, 'hypervisors')
      .min(1, { error: 'is empty; write at least one hypervisor' })
      .describe('The servers.'),
    lb: loadBalancerFile.optional().describe('The load balancer of the load balancer scenario.'),
  },
  'a config: { "key_file": …, "hypervisors": [ … ], … }',
)
export type ConfigFile = z.infer<typeof configSchema>

/** Keys of a config; a file with none of them at its top holds several configs under names. */
export const configKeys: readonly string[] = Object.keys(configSchema.shape)
