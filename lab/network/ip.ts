/** iproute2, one process per batch of commands, in a network namespace or on the machine. */
import { runLocally } from '../../src/core/local-command.ts'
import { helperEnvironment } from '../tag.ts'

export interface IpOptions {
  readonly lab: string
  /** A process in the network namespace meant; the machine's own without one. */
  readonly pid?: number
  readonly signal?: AbortSignal
}

/** Runs `commands` (without the leading `ip`) in one go, ending at the first that fails. */
export async function ip(commands: readonly string[], options: IpOptions): Promise<void> {
  const enter = options.pid === undefined ? [] : ['nsenter', '--target', String(options.pid), '--net', '--']
  await runLocally([...enter, 'ip', '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
    env: helperEnvironment(options.lab),
    timeoutMs: 20_000,
    signal: options.signal,
  })
}

export interface Link {
  readonly ifname: string
  readonly ifalias?: string
}

/** The machine's own links. */
export async function machineLinks(lab: string): Promise<Link[]> {
  const { stdout } = await runLocally(['ip', '-json', 'link', 'show'], { env: helperEnvironment(lab) })
  return JSON.parse(stdout) as Link[]
}

/** Sets kernel parameters below `net/` in a host's network namespace; one that this kernel lacks is left out. */
export async function setNetworkParameters(
  parameters: Readonly<Record<string, string>>,
  options: IpOptions & { readonly pid: number },
): Promise<void> {
  const script = Object.entries(parameters)
    .map(([key, value]) => `if [ -e /proc/sys/net/${key} ]; then echo ${value} > /proc/sys/net/${key}; fi`)
    .join('\n')
  await runLocally(['nsenter', '--target', String(options.pid), '--net', '--', 'sh', '-ec', script], {
    env: helperEnvironment(options.lab),
    signal: options.signal,
  })
}
