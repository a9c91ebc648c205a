/**
 * What must be alike in two runs for their figures to be compared: the machines, what the config says of them, how was
 * measured and with what. The data plane's image is left out, for that is what is compared; so are addresses, paths,
 * thresholds and the number of repetitions, which change no figure.
 */
import { z } from 'zod'
import type { MeasurementProfile } from '../verdict/verdict.ts'
import type { RunRecord } from './record.ts'

/** By kind, then by name, what was found: `hosts` → `hypervisor-1 kernel` → `6.12.1`. */
export const traitsSchema = z.object({
  hosts: z.record(z.string(), z.string()),
  config: z.record(z.string(), z.string()),
  tools: z.record(z.string(), z.string()),
})
export type Traits = z.infer<typeof traitsSchema>
type Kind = keyof Traits
const kinds: readonly Kind[] = ['hosts', 'config', 'tools']

/** The one of the tools that is known before anything is measured. */
export const windowTrait = 'seconds that count'

export interface TraitSources {
  readonly machines: readonly MachineTraits[]
  /** A loaded config, as it is or as a record keeps it. */
  readonly config: unknown
  readonly profile: Pick<MeasurementProfile, 'keptSeconds' | 'warmUpSeconds'>
  /** What the data planes say of themselves. */
  readonly dataPlanes: readonly (string | undefined)[]
}

export interface MachineTraits {
  readonly name: string
  readonly kernel?: string | undefined
  readonly os?: string | undefined
  readonly cpu?: string | undefined
  readonly cores?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly governor?: string | undefined
}

export function traitsOf({ machines, config, profile, dataPlanes }: TraitSources): Traits {
  return {
    hosts: Object.assign({}, ...machines.map(hostTraits)) as Traits['hosts'],
    config: configTraits(config),
    tools: {
      [windowTrait]: `${profile.keptSeconds}, after ${profile.warmUpSeconds}`,
      'data plane': dataPlanes.some((version) => /softplane/i.test(version ?? ''))
        ? 'softplane'
        : 'dpservice',
    },
  }
}

export function traitsOfRun({ machines, config, profile, dataPlanes }: RunRecord): Traits {
  const measured = machines.filter(({ role }) => role !== 'controller')
  return traitsOf({
    machines: measured.map((each) => ({ ...each, governor: each.details?.['governor'] })),
    config: config.content,
    profile,
    dataPlanes: dataPlanes.map(({ version }) => version),
  })
}

/** One sentence per difference; empty when figures of the one may be held against those of the other. */
export function differencesOf(before: Traits, after: Traits, only: readonly Kind[] = kinds): string[] {
  return only.flatMap((kind) => {
    const names = new Set([...Object.keys(before[kind]), ...Object.keys(after[kind])])
    return [...names]
      .filter((name) => before[kind][name] !== after[kind][name])
      .map((name) => `${kind}: ${name}: ${before[kind][name] ?? 'none'} → ${after[kind][name] ?? 'none'}`)
  })
}

function hostTraits({ name, kernel, os, cpu, cores, memoryBytes, governor }: MachineTraits): Traits['hosts'] {
  // Whole GiB: what a kernel keeps for itself differs a little from boot to boot.
  const memory = memoryBytes === undefined ? undefined : `${Math.round(memoryBytes / 2 ** 30)} GiB`
  return named({ kernel, os, CPU: cpu, cores, memory, governor }, name)
}

/** What of a config can change a figure. A record may hold anything; what has another form is no trait. */
const measuredConfig = z
  .object({
    concurrentFlowCount: z.unknown(),
    libvirt: z
      .object({
        domainType: z.unknown(),
        machine: z.unknown(),
        cpu: z.unknown(),
        vcpus: z.unknown(),
        memoryMib: z.unknown(),
        pinning: z.unknown(),
        numa: z.unknown(),
        hugepages: z.unknown(),
      })
      .partial(),
    hypervisors: z.array(
      z.object({
        name: z.string(),
        dpservice: z
          .object({ ealArguments: z.unknown(), arguments: z.unknown(), environment: z.unknown() })
          .partial()
          .optional(),
        vms: z
          .array(
            z.object({
              name: z.string(),
              pciAddress: z.unknown().optional(),
              bridge: z.unknown().optional(),
              device: z.unknown().optional(),
            }),
          )
          .optional(),
      }),
    ),
    loadBalancer: z.object({ nodes: z.unknown(), machines: z.unknown() }).partial(),
  })
  .partial()

function configTraits(content: unknown): Traits['config'] {
  const config = measuredConfig.safeParse(content).data ?? {}
  return {
    ...named({ 'flow count': config.concurrentFlowCount }),
    ...named(config.libvirt ?? {}, 'libvirt'),
    ...named(config.loadBalancer ?? {}, 'load balancer'),
    ...(Object.assign(
      {},
      ...(config.hypervisors ?? []).flatMap(({ name, dpservice = {}, vms = [] }) => [
        named(dpservice, `dpservice of ${name}`),
        ...vms.map(({ name: vm, ...nic }) => named({ hypervisor: name, ...nic }, vm)),
      ]),
    ) as Traits['config']),
  }
}

/** The members that there are, as text, each named after what it is of. */
function named(values: Readonly<Record<string, unknown>>, of?: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            [
              of === undefined ? name : `${of} ${name}`,
              typeof value === 'string' ? value : JSON.stringify(value),
            ],
          ],
    ),
  )
}
