/** How much of the data each backend of a load balancer got. */
import type { Sample } from './sample.ts'

export interface BackendShare {
  readonly backend: string
  /** Of all repetitions. */
  readonly flows: number
  /** Of what all backends received inside the windows. */
  readonly fraction: number
}

/** By backend, in the order of the config; empty where nothing chose among receivers, or nothing was received. */
export function sharesOf(samples: readonly Sample[]): BackendShare[] {
  const flows = samples.flatMap((sample) =>
    sample.state === 'measured' && sample.backends ? sample.flows : [],
  )
  const bytesOf = (list: typeof flows): number =>
    list.reduce((sum, flow) => sum + (flow.receiver?.bytes ?? 0), 0)
  const total = bytesOf(flows)
  if (total === 0) return []
  const backends = new Set(samples.flatMap((sample) => sample.backends ?? []))
  return [...backends].map((backend) => {
    const own = flows.filter((flow) => flow.to === backend)
    return { backend, flows: own.length, fraction: bytesOf(own) / total }
  })
}
