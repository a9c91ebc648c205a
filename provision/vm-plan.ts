/** What a VM is to be, rendered, beside what is there of it. */
import { createHash } from 'node:crypto'
import type { VmConfig } from '../src/config/types.ts'
import { ProvisionError } from '../src/core/errors.ts'
import { metadataNamespace } from '../src/transport/libvirt/documents.ts'
import { renderDomain, type DomainContext } from './domain-xml.ts'
import { generateHostKey } from './host-key.ts'
import { dataUrl, renderIgnition, sshdConfig } from './ignition.ts'
import { chooseMac } from './mac.ts'
import { environmentFolderOn, imagePlaces, vmPlaces, type VmPlaces } from './places.ts'
import type { HypervisorFacts } from './preflight.ts'
import type { ProvisionRun } from './run.ts'

export interface VmPlan {
  readonly vm: VmConfig
  /** `running` and `stopped` VMs are ours and as they should be. */
  readonly state: 'absent' | 'stopped' | 'running'
  readonly macAddress: string
  /** Public half. */
  readonly hostKey: string
  readonly places: VmPlaces
  readonly domain: string
  readonly ignition: string
  /** The Ignition document without the host key's private half, for showing. */
  readonly ignitionShown: string
}

/**
 * Plans the VMs of a hypervisor.
 * @throws ProvisionError when one is there that was made from something else.
 */
export function planVms(run: ProvisionRun, facts: HypervisorFacts): VmPlan[] {
  const taken = new Set(facts.takenMacs)
  for (const domain of facts.ownDomains.values()) for (const mac of domain.macAddresses) taken.add(mac)
  const plans = facts.hypervisor.vms.map((vm) => planVm(run, facts, vm, taken))
  const changed = plans.filter((one) => one.changed.length > 0)
  if (changed.length > 0) {
    const faults = changed.map(
      ({ plan, changed: parts }) => `  ✖ ${plan.vm.name}: another ${parts.join(', another ')} than now`,
    )
    throw new ProvisionError(
      [
        `${facts.hypervisor.name}: VMs are there that were made from something else:`,
        ...faults,
        'To make them anew type: npm run provision -- --clean-up, then provision again.',
      ].join('\n'),
    )
  }
  return plans.map(({ plan }) => plan)
}

function planVm(
  run: ProvisionRun,
  facts: HypervisorFacts,
  vm: VmConfig,
  taken: Set<string>,
): { plan: VmPlan; changed: string[] } {
  const existing = facts.ownDomains.get(vm.name)
  const mac = (nic: 'management' | 'data'): string => {
    const chosen = chooseMac(run.identity.name, vm.name, nic, taken, existing?.macAddresses)
    taken.add(chosen)
    return chosen
  }
  const macAddress = mac('management')
  const places = vmPlaces(environmentFolderOn(run), vm.name)
  const base = domainContext(run, facts, vm, places, macAddress, () => mac('data'))
  const spec = specOf({
    image: run.image.contentId,
    domain: renderDomain(run.domainTemplate, base),
    ignition: ignitionOf(run, vm, undefined),
  })
  const provisioned = existing?.provisioned
  const pair = provisioned ? undefined : generateHostKey()
  const hostKey = provisioned?.hostKey ?? pair?.publicKey ?? ''
  const metadata = { ...base.metadata, run: run.runId, spec, hostKey }
  return {
    changed: provisioned === undefined ? [] : changedParts(provisioned.spec, spec),
    plan: {
      vm,
      state: existing === undefined ? 'absent' : facts.running.has(vm.name) ? 'running' : 'stopped',
      macAddress,
      hostKey,
      places,
      domain: renderDomain(run.domainTemplate, { ...base, metadata }),
      ignition: ignitionOf(run, vm, pair),
      ignitionShown: ignitionOf(run, vm, undefined),
    },
  }
}

const parts = {
  image: 'disk image',
  domain: 'domain document (template, libvirt settings, data NIC)',
  ignition: 'Ignition document (template, SSH keys)',
} as const

/** A hash of each part, so that a difference can be named. */
function specOf(texts: Readonly<Record<keyof typeof parts, string>>): string {
  const hashes = Object.entries(texts).map(
    ([part, text]) => `${part}:${createHash('sha256').update(text).digest('hex').slice(0, 24)}`,
  )
  return hashes.join(' ')
}

function changedParts(before: string, now: string): string[] {
  const known = before.split(' ')
  return now
    .split(' ')
    .flatMap((one) => (known.includes(one) ? [] : [parts[one.split(':')[0] as keyof typeof parts]]))
}

/** Without a key pair: with a word in its place, the same at each run. */
function ignitionOf(
  run: ProvisionRun,
  vm: VmConfig,
  pair: { privateKey: string; publicKey: string } | undefined,
): string {
  return renderIgnition(run.ignitionTemplate, {
    name: vm.name,
    authorizedKeys: [...run.authorizedKeys],
    consolePasswordHash: run.consolePasswordHash,
    files: {
      hostname: dataUrl(`${vm.name}\n`),
      hostPrivateKey: pair ? dataUrl(pair.privateKey) : 'data:,made-at-provisioning',
      hostPublicKey: pair ? dataUrl(`${pair.publicKey} ${vm.name}\n`) : 'data:,made-at-provisioning',
      sshdConfig: dataUrl(sshdConfig),
    },
  })
}

/** `metadata` without what differs from run to run: that is no difference between VMs. */
function domainContext(
  run: ProvisionRun,
  facts: HypervisorFacts,
  vm: VmConfig,
  places: VmPlaces,
  macAddress: string,
  dataMac: () => string,
): DomainContext {
  const { libvirt } = run.config
  const vf = facts.virtualFunctions.get(vm.name)
  return {
    name: vm.name,
    domainType: libvirt.domainType,
    architecture: facts.architecture,
    machine: libvirt.machine,
    vcpus: libvirt.vcpus,
    memoryMib: libvirt.memoryMib,
    hugepages: libvirt.hugepages,
    video: libvirt.video,
    cpu: {
      mode: libvirt.cpu.mode,
      model: libvirt.cpu.model ?? null,
      disabledFeatures: [...libvirt.cpu.disabledFeatures],
    },
    pinning: [...(libvirt.pinning[vm.name] ?? [])],
    numaNode: libvirt.numa[vm.name] ?? null,
    ignitionFile: places.ignition,
    consoleLog: places.consoleLog,
    disk: {
      file: places.overlay,
      backingFile: imagePlaces(libvirt.imageFolder, run.image, run.runId).image,
      backingFormat: run.image.format,
    },
    managementNic: { mac: macAddress, network: libvirt.network },
    dataNic: vf
      ? {
          kind: 'vf',
          domain: hex(vf.domain, 4),
          bus: hex(vf.bus, 2),
          slot: hex(vf.device, 2),
          function: hex(vf.function, 1),
        }
      : { kind: 'bridge', bridge: vm.bridge ?? '', mac: dataMac() },
    metadata: {
      namespace: metadataNamespace,
      environment: run.identity.id,
      run: '-',
      spec: '-',
      hostKey: '-',
      origin: run.identity.origin,
    },
  }
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}
