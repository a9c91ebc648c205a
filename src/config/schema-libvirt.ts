/** The `libvirt` key of a config: the VMs as libvirt domains. */
import { z } from 'zod'
import * as field from './fields.ts'

export const libvirtFile = field.object(
  {
    domain_type: field
      .oneOf(['kvm', 'qemu'])
      .optional()
      .describe('kvm, or qemu: emulation, where there is no KVM.')
      .meta({ default: 'kvm' }),
    machine: field
      .plainName('a machine type of QEMU', '"q35"')
      .optional()
      .describe('The machine type of QEMU.')
      .meta({ default: 'q35' }),
    cpu: field
      .object(
        {
          mode: field
            .oneOf(['host-passthrough', 'host-model', 'maximum', 'custom'])
            .optional()
            .describe('How it comes about; host-passthrough with kvm and maximum with qemu, if not given.'),
          model: field.plainName('a CPU model of QEMU', '"Nehalem"').optional().describe('For mode custom.'),
          disabled_features: field
            .listOf(field.plainName('a CPU feature', '"cx16"'), 'CPU features')
            .optional()
            .describe('Features to hide from the VM.'),
        },
        '{ "mode": "host-passthrough" }',
      )
      .optional()
      .describe('The CPU that a VM sees.'),
    vcpus: field
      .number('a number of vCPUs', 1, 512)
      .optional()
      .describe('Virtual CPUs of each VM.')
      .meta({ default: 4 }),
    memory_mib: field
      .number('an amount of memory in MiB', 128, 16_777_216)
      .optional()
      .describe('Memory of each VM, MiB.')
      .meta({ default: 8192 }),
    pinning: z
      .record(z.string(), field.listOf(field.cpuset(), 'host CPUs, one entry per vCPU'))
      .optional()
      .describe('By VM name: for each vCPU the host CPUs that it may run on.'),
    numa: z
      .record(z.string(), field.number('a NUMA node', 0, 1023))
      .optional()
      .describe('By VM name: the host NUMA node of its memory.'),
    hugepages: field
      .yesNo()
      .optional()
      .describe("Whether VM memory lies in the host's huge pages.")
      .meta({ default: false }),
    video: field
      .yesNo()
      .optional()
      .describe('Whether a VM has a VGA screen, for screenshots.')
      .meta({ default: false }),
    network: field
      .plainName('the name of a libvirt network', '"default"')
      .optional()
      .describe('The libvirt network of the management NIC.')
      .meta({ default: 'default' }),
    image_folder: field
      .absolutePath('"/var/lib/libvirt/images/dpbench"')
      .optional()
      .describe('Folder of dpbench on each hypervisor.')
      .meta({ default: '/var/lib/libvirt/images/dpbench' }),
    boot_timeout_seconds: field
      .number('a number of seconds', 10, 3600)
      .optional()
      .describe('From power-on to an SSH login.')
      .meta({ default: 300 }),
    console_password: field
      .object(
        {
          hash_file: field
            .path('"~/.config/dpbench/console.hash"')
            .optional()
            .describe('A file whose only line is the crypt(5) hash.'),
          hash_variable: field
            .plainName('the name of an environment variable', '"DPBENCH_CONSOLE_HASH"')
            .optional()
            .describe('A variable that holds the crypt(5) hash.'),
        },
        '{ "hash_file": "~/.config/dpbench/console.hash" }',
      )
      .optional()
      .describe("Where the hash of root's console password comes from; without it no password works."),
  },
  '{ "vcpus": 4, "memory_mib": 8192 }',
)
export type LibvirtFile = z.infer<typeof libvirtFile>
