/** A machine that traffic begins or ends at: a VM, a hypervisor, or the machine that this runs on. */
import type { RemoteHost } from '../transport/host.ts'

export interface TrafficEnd {
  /** As the config names it. */
  readonly name: string
  readonly ssh: Pick<RemoteHost, 'run' | 'tryRun'>
}
