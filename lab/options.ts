/** What a lab is made of, checked and with its defaults filled in. */
import { UsageError } from '../src/core/errors.ts'

export type GuestKind = 'qemu' | 'namespace'
/** softplane; an image of dpservice itself, which runs in its TAP mode; or nothing, for suites that bring their own. */
export type DataplaneKind = 'softplane' | 'dpservice' | 'none'

export interface LabOptions {
  readonly name: string
  readonly guests: GuestKind
  /** Two at least. */
  readonly hypervisors: number
  /** The VMs of each hypervisor, in the order of the hypervisors. Default: vm1 and vm2 on the first, then one on each. */
  readonly vms?: readonly (readonly string[])[]
  readonly log: (line: string) => void
  readonly signal?: AbortSignal | undefined
  /** Builds or fetches the data plane's image; its reference becomes the config's `default_dpservice_image`. */
  readonly image?: ImageBuilder | undefined
  /** Which data plane the lab is wired for. Default softplane. */
  readonly dataplane?: DataplaneKind | undefined
}

export interface ImageBuilder {
  /** Makes the engine (`unix:///…`) have the image, and returns its name there: `name:<hash of its content>`. */
  readonly build: (options: {
    readonly dockerHost: string
    readonly cacheDir: string
    readonly log: (line: string) => void
    readonly signal: AbortSignal
  }) => Promise<{ readonly reference: string }>
}

/** What decides whether a running lab is the one asked for. */
export interface LabSpec {
  readonly guests: GuestKind
  readonly hypervisors: readonly { readonly name: string; readonly vms: readonly string[] }[]
  /** Left out for softplane. */
  readonly dataplane?: Exclude<DataplaneKind, 'softplane'>
}

const maxHypervisors = 16
const maxVmsPerHypervisor = 32

/** @throws UsageError with one sentence per fault. */
export function labSpec(options: LabOptions): LabSpec {
  const faults = [...nameFaults(options.name)]
  const { hypervisors } = options
  if (!Number.isInteger(hypervisors) || hypervisors < 2 || hypervisors > maxHypervisors) {
    faults.push(`A lab has 2 to ${maxHypervisors} hypervisors, not ${hypervisors}.`)
  }
  if (options.dataplane === 'dpservice' && hypervisors > 2) {
    faults.push('A lab with dpservice has 2 hypervisors: without a router it sends to one neighbour only.')
  }
  const vms = options.vms ?? defaultVms(hypervisors)
  if (vms.length > hypervisors) {
    faults.push(`VMs are given for ${vms.length} hypervisors, but the lab has ${hypervisors}.`)
  }
  const names = vms.flat()
  for (const vm of names) {
    if (!/^[a-z][a-z0-9-]{0,11}$/.test(vm)) {
      faults.push(`'${vm}' cannot name a VM: a lower-case letter, then at most 11 letters, digits or dashes.`)
    }
    if (vm === 'underlay')
      faults.push(`A VM cannot be called 'underlay': the bridge br-underlay is the underlay's.`)
  }
  for (const vm of new Set(names.filter((vm, index) => names.indexOf(vm) !== index))) {
    faults.push(`The name '${vm}' is given to two VMs.`)
  }
  if (vms.some((list) => list.length > maxVmsPerHypervisor)) {
    faults.push(`A hypervisor of the lab takes ${maxVmsPerHypervisor} VMs at most.`)
  }
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return {
    guests: options.guests,
    hypervisors: Array.from({ length: hypervisors }, (_, index) => ({
      name: `hypervisor-${index + 1}`,
      vms: [...(vms[index] ?? [])],
    })),
    ...(options.dataplane === undefined || options.dataplane === 'softplane'
      ? {}
      : { dataplane: options.dataplane }),
  }
}

function defaultVms(hypervisors: number): string[][] {
  const others = Array.from(
    { length: Math.max(0, Math.min(hypervisors, maxHypervisors) - 1) },
    (_, index) => [`vm${index + 3}`],
  )
  return [['vm1', 'vm2'], ...others]
}

/** @throws UsageError when no lab can be called so. */
export function requireLabName(name: string): void {
  const faults = nameFaults(name)
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
}

function nameFaults(name: string): string[] {
  return /^[a-z0-9][a-z0-9-]{0,30}$/.test(name)
    ? []
    : [`'${name}' cannot name a lab: 1 to 31 lower-case letters, digits or dashes, not a dash first.`]
}
