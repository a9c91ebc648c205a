/**
 * Takes back what `doctor --fix` did. Each looks first whether the thing still is as the doctor left it: what somebody
 * else changed since stays, and is said. Each can be done again.
 */
import { z } from 'zod'
import { DpbenchError } from '../core/errors.ts'
import { shell } from '../core/shell-quote.ts'
import { toolJson } from '../core/tool-output.ts'
import { type UndoFunction, UndoRegistry } from '../core/undo.ts'
import type { RemoteHost } from '../transport/host.ts'
import { Virsh, virshCommand } from '../transport/libvirt/virsh.ts'
import { purge } from './apt.ts'

type Undoing = UndoFunction<RemoteHost>

const settings = z.object({
  partial: z.boolean(),
  settings: z.array(z.object({ path: z.string(), before: z.string(), after: z.string() })),
})

/** What is in the files now, in their order; `undefined` for one that is gone. */
export async function readSettings(
  host: RemoteHost,
  paths: readonly string[],
): Promise<(string | undefined)[]> {
  const script = 'for one in "$@"; do cat -- "$one" 2>/dev/null || echo; done'
  const { stdout } = await host.run(shell(script, ...paths))
  const lines = stdout.split('\n')
  return paths.map((_, index) => lines[index]?.trim() || undefined)
}

const restoreSettings: Undoing = async (data, host) => {
  const { partial, settings: all } = settings.parse(data)
  const now = await readSettings(
    host,
    all.map(({ path }) => path),
  )
  const notes: string[] = []
  for (const [index, { path, before, after }] of all.entries()) {
    const value = now[index]
    if (value === before) continue
    const ours = value === after || (partial && isBetween(value, before, after))
    if (ours) await host.run(['sh', '-c', `echo ${before} > ${path}`])
    else notes.push(`${host.name}: ${path} is ${value ?? 'gone'}, not the ${after} of the doctor, and stays`)
  }
  return notes.length > 0 ? notes.join('\n') : undefined
}

function isBetween(value: string | undefined, one: string, other: string): boolean {
  const [low, high] = [Number(one), Number(other)].sort((a, b) => a - b)
  return Number(value) >= low! && Number(value) <= high!
}

const networkData = z.object({ name: z.string(), uuid: z.string() })

/** The network as it is now, when it is the one that is meant. */
async function sameNetwork(
  virsh: Virsh,
  { name, uuid }: z.infer<typeof networkData>,
): Promise<{ active: boolean; bridge?: string | undefined } | undefined> {
  if (!(await virsh.networkNames()).includes(name)) return undefined
  const found = await virsh.network(name)
  if (found.uuid !== uuid) return undefined
  return { active: (await virsh.networkNames('active')).includes(name), bridge: found.bridge }
}

/** @throws DpbenchError while something is plugged into its bridge: that would lose its network */
async function stopNetwork(host: RemoteHost, name: string, bridge: string | undefined): Promise<void> {
  if (bridge !== undefined) {
    const ports = await host.run(shell('ls "/sys/class/net/$1/brif" 2>/dev/null || true', bridge))
    const users = ports.stdout.split('\n').filter((port) => port !== '' && port !== `${bridge}-nic`)
    if (users.length > 0)
      throw new DpbenchError(
        `libvirt's network ${name} is in use by ${users.join(', ')}: stop those VMs, then type dpbench doctor --revert again`,
      )
  }
  await host.run(virshCommand(['net-destroy', '--network', name]))
}

const gone = (host: RemoteHost, name: string): string =>
  `${host.name}: the libvirt network ${name} is not the one that the doctor saw, and stays`

const stopStarted: Undoing = async (data, host) => {
  const network = networkData.parse(data)
  const found = await sameNetwork(new Virsh(host), network)
  if (!found) return gone(host, network.name)
  if (found.active) await stopNetwork(host, network.name, found.bridge)
  return undefined
}

const stopAutostart: Undoing = async (data, host) => {
  const network = networkData.parse(data)
  if (!(await sameNetwork(new Virsh(host), network))) return gone(host, network.name)
  await host.run(virshCommand(['net-autostart', '--network', network.name, '--disable']))
  return undefined
}

const removeNetwork: Undoing = async (data, host) => {
  const network = networkData.parse(data)
  const virsh = new Virsh(host)
  if (!(await virsh.networkNames()).includes(network.name)) return undefined
  const found = await sameNetwork(virsh, network)
  if (!found) return gone(host, network.name)
  if (found.active) await stopNetwork(host, network.name, found.bridge)
  await host.run(virshCommand(['net-undefine', '--network', network.name]))
  return undefined
}

const ruleData = z.object({ family: z.string(), table: z.string(), chain: z.string(), label: z.string() })
const listing = z.object({
  nftables: z.array(
    z.looseObject({ rule: z.looseObject({ handle: z.number(), comment: z.string().optional() }).optional() }),
  ),
})

/** The rule is found by its label: a chain that was loaded anew has lost it already. */
const removeRule: Undoing = async (data, host) => {
  const { family, table, chain, label } = ruleData.parse(data)
  const place = [family, table, chain]
  const { exitCode, stdout } = await host.tryRun(['nft', '-j', '-a', 'list', 'chain', ...place])
  if (exitCode !== 0) {
    await host.run(['nft', 'list', 'tables']) // a chain that is gone is one thing, nft that fails another
    return undefined
  }
  const { nftables } = toolJson(listing, stdout, `${host.name}: nft -j`)
  for (const { rule } of nftables) {
    if (rule?.comment !== label) continue
    await host.run(['nft', 'delete', 'rule', ...place, 'handle', String(rule.handle)])
  }
  return undefined
}

const bridgeData = z.object({ name: z.string(), label: z.string() })
const links = z.array(z.looseObject({ ifalias: z.string().optional() }))

const removeBridge: Undoing = async (data, host) => {
  const { name, label } = bridgeData.parse(data)
  const { exitCode, stdout } = await host.tryRun(['ip', '-json', 'link', 'show', 'dev', name])
  if (exitCode !== 0) {
    await host.run(['ip', 'link', 'show']) // as above
    return undefined
  }
  const alias = toolJson(links, stdout, `${host.name}: ip -json link`)[0]?.ifalias
  const ports = (await host.run(shell('ls "/sys/class/net/$1/brif" 2>/dev/null || true', name))).stdout.trim()
  // between its making and its label a crash leaves a bridge without an alias, which nothing is plugged into
  if (alias !== label && !(alias === undefined && ports === ''))
    return `${host.name}: the bridge ${name} is not the doctor's, and stays`
  if (ports !== '') {
    throw new DpbenchError(
      `the bridge ${name} is in use by ${ports.split('\n').join(', ')}: stop those VMs, then type dpbench doctor --revert again`,
    )
  }
  await host.run(['ip', 'link', 'delete', 'dev', name])
  return undefined
}

const stopUnit: Undoing = async (data, host) => {
  await host.run(['systemctl', 'stop', z.object({ unit: z.string() }).parse(data).unit])
  return undefined
}

const removePackages: Undoing = async (data, host) => {
  await purge(host, z.object({ packages: z.array(z.string()) }).parse(data).packages)
  return undefined
}

export function doctorUndo(): UndoRegistry<RemoteHost> {
  return new UndoRegistry<RemoteHost>()
    .register('doctor-settings', restoreSettings)
    .register('doctor-network-start', stopStarted)
    .register('doctor-network-autostart', stopAutostart)
    .register('doctor-network', removeNetwork)
    .register('doctor-rule', removeRule)
    .register('doctor-bridge', removeBridge)
    .register('doctor-unit', stopUnit)
    .register('doctor-packages', removePackages)
}
