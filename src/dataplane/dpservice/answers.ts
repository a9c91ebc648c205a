/** The JSON of `dpservice-cli -o json`: one object, or a list of them, each with a status (0 is success). */
import { z } from 'zod'

const status = z.looseObject({ code: z.number().default(0), message: z.string().default('') })

/** Any answer, for its status alone. */
export const envelope = z.looseObject({
  kind: z.string().optional(),
  status: status.optional(),
  spec: z.unknown().optional(),
})

export const versionAnswer = z.looseObject({
  spec: z.looseObject({
    service_name: z.string().optional(),
    service_version: z.string().optional(),
    service_protocol: z.string().optional(),
  }),
})

export const interfaceAnswer = z.looseObject({
  metadata: z.looseObject({ id: z.string() }),
  spec: z.looseObject({
    vni: z.number().optional(),
    device: z.string().optional(),
    primary_ipv4: z.string().optional(),
    primary_ipv6: z.string().optional(),
    underlay_route: z.string(),
  }),
})
export type DpserviceInterface = z.infer<typeof interfaceAnswer>

export const routeAnswer = z.looseObject({
  spec: z.looseObject({
    prefix: z.string(),
    next_hop: z
      .looseObject({ vni: z.number(), address: z.string().optional(), ip: z.string().optional() })
      .optional(),
  }),
})
export type DpserviceRoute = z.infer<typeof routeAnswer>

/** NAT, load balancer and its prefixes: `underlay_route` is the address that others route to. */
export const underlayAnswer = z.looseObject({ spec: z.looseObject({ underlay_route: z.string() }) })

export const natAnswer = z.looseObject({
  spec: z.looseObject({ nat_ip: z.string(), min_port: z.number(), max_port: z.number() }),
})
export type DpserviceNat = z.infer<typeof natAnswer>

export const balancerTargetAnswer = z.looseObject({ spec: z.looseObject({ target_ip: z.string() }) })
export type DpserviceBalancerTarget = z.infer<typeof balancerTargetAnswer>

export function listOf<T extends z.ZodType>(item: T) {
  return z.looseObject({ items: z.array(item).nullish() }).transform((list) => list.items ?? [])
}
