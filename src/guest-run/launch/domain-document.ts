/** A guest of a run as a libvirt domain: transient, labelled, and off for good when it powers off, resets or crashes. Pure. */
import { XMLBuilder } from 'fast-xml-parser'
import type { GuestPlan } from '../launcher.ts'
import type { GuestFiles } from './guest-files.ts'
import { diskName, kernelCommandLine } from './kernel-arguments.ts'
import { hostAddress } from './qemu-arguments.ts'

/** In the domain's metadata; clean-up takes no domain without it. */
export const guestNamespace = 'https://github.com/ironcore-dev/dpbench/guest-run/1'

export interface DomainPlace {
  readonly domainType: 'kvm' | 'qemu'
  /** The guest's files as the hypervisor has them; `disk` is an overlay of this guest alone, qcow2. */
  readonly files: GuestFiles
  /** Raw disks on the hypervisor, in the order in which the guest sees them, before its root disk. */
  readonly disks: readonly { readonly path: string; readonly serial: string }[]
  /** Of the hypervisor's loopback device, at which the run's files are served. */
  readonly port: number
}

/** The document for `virsh create`. */
export function domainDocument(plan: GuestPlan, place: DomainPlace): string {
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  })
  const kernel = plan.kernel ?? { image: place.files.kernel, initrd: place.files.initrd }
  const server = plan.network === 'user' ? `${hostAddress}:${place.port}` : undefined
  const document = {
    domain: {
      '@type': place.domainType,
      name: plan.name,
      metadata: {
        'dpbench:guest-run': { '@xmlns:dpbench': guestNamespace, '@name': plan.name },
      },
      memory: { '@unit': 'MiB', '#text': plan.memoryMiB },
      vcpu: plan.cpus,
      os: {
        type: { '@arch': 'x86_64', '@machine': 'pc', '#text': 'hvm' },
        kernel: kernel.image,
        ...(kernel.initrd === undefined ? {} : { initrd: kernel.initrd }),
        cmdline: kernelCommandLine(plan, place.files, server),
      },
      features: { acpi: {}, apic: {} },
      // with cx16, kernels of 2024 and later were seen to corrupt memory under QEMU 7.2's emulation
      cpu:
        place.domainType === 'kvm'
          ? { '@mode': 'host-passthrough' }
          : { '@mode': 'maximum', feature: { '@policy': 'disable', '@name': 'cx16' } },
      on_poweroff: 'destroy',
      on_reboot: 'destroy',
      on_crash: 'destroy',
      devices: {
        disk: [
          ...place.disks.map(({ path, serial }, index) => disk(diskName(index), serial, path, 'raw')),
          disk(diskName(place.disks.length), 'root', place.files.disk, 'qcow2'),
        ],
        ...(plan.network === 'user'
          ? { interface: { '@type': 'user', model: { '@type': 'virtio' }, rom: { '@enabled': 'no' } } }
          : {}),
        serial: { '@type': 'pty', target: { '@port': 0 } },
        console: { '@type': 'pty', target: { '@type': 'serial', '@port': 0 } },
        memballoon: { '@model': 'none' },
        rng: { '@model': 'virtio', backend: { '@model': 'random', '#text': '/dev/urandom' } },
        panic: { '@model': 'isa' },
      },
    },
  }
  return builder.build(document)
}

function disk(name: string, serial: string, file: string, format: 'raw' | 'qcow2'): object {
  return {
    '@type': 'file',
    '@device': 'disk',
    driver: { '@name': 'qemu', '@type': format, '@cache': 'unsafe', '@discard': 'unmap' },
    source: { '@file': file },
    target: { '@dev': name, '@bus': 'virtio' },
    serial,
  }
}
