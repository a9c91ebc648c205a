/**
 * What a run could leave on a hypervisor or in a guest, as lines that are the same before and after when nothing was left.
 * What changes by itself (counters, remaining lifetimes, addresses that routers announce) is cut off or left out.
 */
import { shell } from '../core/shell-quote.ts'
import { leasedAddresses } from '../machine/others-on-link.ts'
import { commandMark } from '../machine/marked-processes.ts'
import type { RemoteHost } from '../transport/host.ts'
import { shellName } from '../transport/resident-shell.ts'

/** By kind of thing, its lines. */
export type MachineState = ReadonlyMap<string, readonly string[]>

/** What a daemon is asked that does not answer: then nobody knows what came or went. */
const unknown = '?'

/** What the program of a daemon prints, which may not run, stand still, or refuse. */
function asked(program: string, question: string): string {
  return `if command -v ${program}; then timeout 10 ${program} ${question} || echo '${unknown}'; fi | grep -v '^/'`
}

/** Each prints lines, and nothing where its program is not there. */
const probes: Readonly<Record<string, string>> = {
  link: `ip -o link show | sed -E 's/\\\\.*//; s/^[0-9]+: //; s/@[^:]*//; s/ (qdisc|qlen|state) [^ ]*//g; s/NO-CARRIER,|,LOWER_UP//'`,
  address: `ip -o address show | grep -v -E ' inet6 .* dynamic' | sed -E 's/^[0-9]+: //; s/valid_lft.*//; s/ (dynamic|tentative|noprefixroute)//g; s/\\\\.*//'`,
  route: `{ ip -4 route show table all; ip -6 route show table all | grep -v -E ' proto (ra|kernel_ra) |^(local|multicast|anycast) '; } | sed -E 's/ expires [^ ]*//; s/ (linkdown|dead)//g'`,
  'policy rule': 'ip -4 rule show; ip -6 rule show',
  'packet filter rule': `if command -v nft; then nft -s list ruleset; else iptables-save; ip6tables-save; fi | grep -v -E '^#|^/.*nft$| expires ' | sed -E 's/\\[[0-9]+:[0-9]+\\]//; s/packets [0-9]+ bytes [0-9]+//'`,
  setting:
    'sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; grep -H . /proc/sys/net/ipv6/conf/*/disable_ipv6',
  container: asked('docker', `ps --all --no-trunc --format '{{.Names}} {{.ID}}'`),
  'Docker volume': asked('docker', 'volume ls --quiet'),
  'Docker network': asked('docker', `network ls --no-trunc --format '{{.Name}} {{.ID}}'`),
  domain: asked('virsh', 'list --all --name'),
  'libvirt network': asked('virsh', 'net-list --all --name'),
  file: `find /tmp /var/tmp "$HOME" /usr/local/bin /usr/local/sbin /etc/systemd/system /var/lib/libvirt/images -mindepth 1 -maxdepth 1 ! -type s; find /run /var/lib /etc -maxdepth 2 -name '*dpbench*' | grep -v '^/run/dpbench-lease'`,
}

/**
 * Of this run: processes that carry its mark, or that were started over the very connection that asks. sshd tells each of
 * its sessions the ports of its connection. One program looks at all of them, and one names them: an emulated guest starts few in
 * a second. `/proc/PID/stat`: number, name in parentheses, state, parent, group, session.
 */
const processProbe = `own=$(read -r line < /proc/$$/stat; set -- \${line##*) }; echo "$4")
pids=$(
  grep -lzxF -e "DPBENCH_RUN=$1" -e "$2" \${SSH_CONNECTION:+-e "SSH_CONNECTION=$SSH_CONNECTION"} /proc/[0-9]*/environ |
  while IFS=/ read -r _ _ p _; do
    { read -r line < "/proc/$p/stat"; } || continue
    set -- \${line##*) }
    [ "$4" = "$own" ] || printf '%s,' "$p"
  done
)
[ -z "$pids" ] || ps -o args= -p "\${pids%,}" | grep -v -E '/run/dpbench-lease|sftp-server|${shellName}'`

const mark = '\u0001'
const script = [
  'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"',
  ...Object.entries({ ...probes, process: processProbe }).map(
    ([kind, probe]) => `printf '${mark}%s\\n' '${kind}'; { ${probe}\n} 2>/dev/null | sort`,
  ),
  'exit 0',
].join('\n')

const readTimeoutMs = 60_000

/** @throws CommandError, ConnectionError */
export async function readMachineState(host: RemoteHost, runId: string): Promise<MachineState> {
  const { stdout } = await host.run(shell(script, runId, commandMark(runId, host.name)), {
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
        const told = lines.map((line) => line.trim()).filter(Boolean)
        return [kind, kindsOfTaps.has(kind) ? told.filter((line) => !ofTap.test(line)) : told]
      }),
  )
}

/** libvirt makes and removes them as VMs are switched on and off, also those of others. */
const ofTap = /\b(vnet|macvtap)\d+\b/
const kindsOfTaps = new Set(['link', 'address', 'route', 'setting'])

export interface Difference {
  readonly kind: string
  readonly change: 'added' | 'gone'
  readonly line: string
}

/**
 * What came and what went. A line that is there twice counts twice. That a lease of before has ended is no difference: its client
 * asks again when the link was down, and who gave it may be gone.
 */
export function differences(before: MachineState, after: MachineState): Difference[] {
  const leased = leasedAddresses(before.get('route')?.join('\n') ?? '')
  const ofLease = (line: string): boolean =>
    line.includes(' proto dhcp ') || line.split(/[\s/]+/).some((word) => leased.has(word))
  const lost = ({ kind, change, line }: Difference): boolean =>
    change === 'gone' && (kind === 'route' || kind === 'address') && ofLease(line)
  return everyDifference(before, after).filter((each) => !lost(each))
}

function everyDifference(before: MachineState, after: MachineState): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((kind) => {
    const [old, now] = [before.get(kind) ?? [], after.get(kind) ?? []]
    if (old.includes(unknown) || now.includes(unknown)) return []
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
