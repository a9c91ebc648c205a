/**
 * What a run could leave on a hypervisor or in a guest, as lines that are the same before and after when nothing was left.
 * What changes by itself (counters, remaining lifetimes, addresses that routers announce) is cut off or left out.
 */
import { shell } from '../core/shell-quote.ts'
import type { RemoteHost } from '../transport/host.ts'

/** By kind of thing, its lines. */
export type MachineState = ReadonlyMap<string, readonly string[]>

/** Each prints lines, and nothing where its program is not there. */
const probes: Readonly<Record<string, string>> = {
  link: `ip -o link show | sed -E 's/\\\\.*//; s/^[0-9]+: //; s/@[^:]*//; s/ (qdisc|qlen|state) [^ ]*//g; s/,?(LOWER_UP|NO-CARRIER)//g'`,
  address: `ip -o address show | grep -v -E ' inet6 .* dynamic' | sed -E 's/^[0-9]+: //; s/valid_lft.*//; s/ (dynamic|tentative|noprefixroute)//g; s/\\\\.*//'`,
  route: `{ ip -4 route show table all; ip -6 route show table all | grep -v -E ' proto (ra|kernel_ra) |^(local|multicast|anycast) '; } | sed -E 's/ expires [^ ]*//; s/ (linkdown|dead)//g'`,
  'policy rule': 'ip -4 rule show; ip -6 rule show',
  'packet filter rule': `if command -v nft; then nft -s list ruleset; else iptables-save; ip6tables-save; fi | grep -v -E '^#|^/.*nft$| expires ' | sed -E 's/\\[[0-9]+:[0-9]+\\]//; s/packets [0-9]+ bytes [0-9]+//'`,
  setting:
    'sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; grep -H . /proc/sys/net/ipv6/conf/*/disable_ipv6',
  container: `if command -v docker; then docker ps --all --no-trunc --format '{{.Names}} {{.ID}}'; fi | grep -v '^/'`,
  'Docker volume': `if command -v docker; then docker volume ls --quiet; fi | grep -v '^/'`,
  'Docker network': `if command -v docker; then docker network ls --no-trunc --format '{{.Name}} {{.ID}}'; fi | grep -v '^/'`,
  domain: `if command -v virsh; then virsh list --all --name; fi | grep -v '^/'`,
  'libvirt network': `if command -v virsh; then virsh net-list --all --name; fi | grep -v '^/'`,
  file: `find /tmp /var/tmp "$HOME" /usr/local/bin /usr/local/sbin /etc/systemd/system /var/lib/libvirt/images -mindepth 1 -maxdepth 1 ! -type s; find /run /var/lib /etc -maxdepth 2 -name '*dpbench*' | grep -v '^/run/dpbench-lease'`,
}

/**
 * Of this run: processes that carry its mark, or that were started over the very connection that asks. sshd tells each of
 * its sessions the ports of its connection. One program looks at all of them: an emulated guest starts few in a second.
 */
const processProbe = `grep -lzxF -e "DPBENCH_RUN=$1" \${SSH_CONNECTION:+-e "SSH_CONNECTION=$SSH_CONNECTION"} /proc/[0-9]*/environ |
while IFS=/ read -r _ _ p _; do
  [ "$(ps -o sid= -p "$p")" != "$own" ] || continue
  ps -o args= -p "$p"
done | grep -v -E '/run/dpbench-lease|sftp-server'`

const mark = '\u0001'
const script = [
  'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"',
  'own=$(ps -o sid= -p $$)',
  ...Object.entries({ ...probes, process: processProbe }).map(
    ([kind, probe]) => `printf '${mark}%s\\n' '${kind}'; { ${probe}\n} 2>/dev/null | sort`,
  ),
  'exit 0',
].join('\n')

const readTimeoutMs = 60_000

/** @throws CommandError, ConnectionError */
export async function readMachineState(host: RemoteHost, runId: string): Promise<MachineState> {
  const { stdout } = await host.run(shell(script, runId), {
    as: { kind: 'command', name: 'look at what is on the machine' },
    timeoutMs: readTimeoutMs,
  })
  return parseMachineState(stdout)
}

export function parseMachineState(text: string): MachineState {
  return new Map(
    text
      .split(mark)
      .slice(1)
      .map((part) => {
        const [kind = '', ...lines] = part.split('\n')
        return [kind, lines.map((line) => unnumbered(line.trim())).filter(Boolean)]
      }),
  )
}

/** A VM that was switched off and on has its taps again, under other numbers. */
function unnumbered(line: string): string {
  return line.replaceAll(/\b(vnet|macvtap)\d+/g, '$1#')
}

export interface Difference {
  readonly kind: string
  readonly change: 'added' | 'gone'
  readonly line: string
}

/** What came and what went. A line that is there twice counts twice. */
export function differences(before: MachineState, after: MachineState): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((kind) => {
    const [old, now] = [before.get(kind) ?? [], after.get(kind) ?? []]
    return [
      ...without(now, old).map((line) => ({ kind, change: 'added' as const, line })),
      ...without(old, now).map((line) => ({ kind, change: 'gone' as const, line })),
    ]
  })
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
