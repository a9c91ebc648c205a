/**
 * PCI addresses of physical functions, their virtual functions and representors.
 *
 * A config names a VF as dpservice does, by the representor: `<PF>_representor_vf<index>`. The VF's own address follows
 * from the SR-IOV capability of its PF (PCI Express Base Specification, "VF Routing ID"; the kernel shows the two
 * figures as `sriov_offset` and `sriov_stride`): routing id = PF's + offset + stride × index, where a routing id is
 * bus (8 bits), device (5) and function (3). So VF 6 of a PF at function 0 with offset 2 lies in the next device.
 */
import { ConfigError } from '../core/errors.ts'

export interface PciAddress {
  readonly domain: number
  readonly bus: number
  readonly device: number
  readonly function: number
}

export interface RepresentorAddress {
  readonly physicalFunction: PciAddress
  readonly vfIndex: number
}

const form =
  /^(?:(?<domain>[0-9a-f]{4}):)?(?<bus>[0-9a-f]{2}):(?<device>[01][0-9a-f])\.(?<function>[0-7])_representor_(?:c\d+)?(?:pf\d+)?vf(?<vf>\d{1,3})$/i

/** Reads `0000:8a:00.0_representor_vf2`; the domain may be left out. `undefined` when it is nothing of that form. */
export function parsePciAddress(text: string): RepresentorAddress | undefined {
  const groups = form.exec(text)?.groups
  if (!groups) return undefined
  const part = (name: string): number => Number.parseInt(groups[name] ?? '0', 16)
  return {
    physicalFunction: {
      domain: part('domain'),
      bus: part('bus'),
      device: part('device'),
      function: part('function'),
    },
    vfIndex: Number(groups.vf),
  }
}

/** `0000:8a:00.2`, as sysfs names a device. */
export function formatPciAddress(address: PciAddress): string {
  return `${hex(address.domain, 4)}:${hex(address.bus, 2)}:${hex(address.device, 2)}.${address.function}`
}

/**
 * The address of virtual function `vfIndex`, from the PF's `sriov_offset` and `sriov_stride`.
 * @throws ConfigError when it would lie beyond the last bus of the PF's domain.
 */
export function virtualFunctionAddress(
  { physicalFunction, vfIndex }: RepresentorAddress,
  sriov: { readonly offset: number; readonly stride: number },
): PciAddress {
  const { domain, bus, device } = physicalFunction
  const routingId =
    ((bus << 8) | (device << 3) | physicalFunction.function) + sriov.offset + sriov.stride * vfIndex
  if (routingId > 0xff_ff) {
    throw new ConfigError(
      `VF ${vfIndex} of ${formatPciAddress(physicalFunction)} would lie beyond the last PCI bus ` +
        `(sriov_offset ${sriov.offset}, sriov_stride ${sriov.stride}): choose a VF that the card has`,
    )
  }
  return { domain, bus: routingId >> 8, device: (routingId >> 3) & 0x1f, function: routingId & 0x7 }
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0')
}
