/** What `dpservice-cli -o json` answers in a plan: yes, with an underlay address that is not known yet. */
import type { World } from './world.ts'

/** By container. */
export class DpserviceAnswers {
  private readonly world: World
  private readonly targets = new Map<string, string[]>()

  constructor(world: World) {
    this.world = world
  }

  /** @param argv after `dpservice-cli -o json` */
  answer(argv: readonly string[]): string {
    const given = Object.fromEntries(
      argv.flatMap((one) => {
        const [, name, value] = /^--([^=]+)=(.*)$/s.exec(one) ?? []
        return name === undefined ? [] : [[name, value ?? '']]
      }),
    )
    return JSON.stringify({ status: { code: 0 }, ...this.object(argv.slice(0, 2).join(' '), given) })
  }

  private object(command: string, given: Readonly<Record<string, string>>): object {
    const { assumed, nats } = this.world
    const id = given['id'] ?? given['interface-id'] ?? ''
    const underlay = (what: string): object => ({
      metadata: { id },
      spec: { underlay_route: assumed.token(`underlay address of ${what}`) },
    })
    switch (command) {
      case 'get version':
        return { spec: { service_name: 'dpservice', service_version: assumed.token('version') } }
      case 'create interface':
        return underlay(id)
      case 'create nat':
        nats.set(id, {
          ip: given['nat-ip']!,
          minPort: Number(given['minport']),
          maxPort: Number(given['maxport']),
        })
        return underlay(`the NAT of ${id}`)
      case 'delete nat':
        nats.delete(id)
        return {}
      case 'get nat': {
        const nat = nats.get(id)
        return { spec: { nat_ip: nat?.ip, min_port: nat?.minPort, max_port: nat?.maxPort } }
      }
      case 'create loadbalancer':
        return underlay(`the load balancer ${id}`)
      case 'create lbprefix':
        return underlay(`the load balancer's prefix of ${id}`)
      case 'create lbtarget':
        this.targets.set(given['lb-id']!, [...(this.targets.get(given['lb-id']!) ?? []), given['target-ip']!])
        return {}
      case 'list lbtargets':
        return {
          items: (this.targets.get(given['lb-id']!) ?? []).map((target_ip) => ({ spec: { target_ip } })),
        }
      case 'list interfaces':
      case 'list routes':
        return { items: [] }
      default:
        return {}
    }
  }
}
