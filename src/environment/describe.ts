/** What the machines are: recorded with every run, so that figures are compared with the like alone. */
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'

export interface MachineDescription {
  readonly name: string
  readonly kernel: string
  readonly os: string
  readonly cpu: string
  readonly cpus: number
  readonly memoryMib: number
  /** The CPU frequency governor, where the kernel has one. */
  readonly governor?: string
}

/** One command, so that an emulated guest is asked once. @throws CommandError */
export async function describeMachine(host: RemoteHost): Promise<MachineDescription> {
  const script = shell(
    'uname -r; . /etc/os-release && echo "$PRETTY_NAME"; ' +
      'sed -n "s/^model name[^:]*: //p" /proc/cpuinfo | head -n 1; getconf _NPROCESSORS_ONLN; ' +
      'sed -n "s/^MemTotal: *\\([0-9]*\\) kB/\\1/p" /proc/meminfo; ' +
      'cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo none',
  )
  const [kernel = '', os = '', cpu = '', cpus = '', memory = '', governor = 'none'] = (
    await host.run(script)
  ).stdout.split('\n')
  return {
    name: host.name,
    kernel,
    os,
    cpu,
    cpus: Number(cpus),
    memoryMib: Math.round(Number(memory) / 1024),
    ...(governor !== 'none' && { governor }),
  }
}
