/** What a machine is asked for its state: the programs print all they know, and their lines are cleaned here, where it costs the machine nothing. */
import { shellName } from '../transport/resident-shell.ts'

/** What a daemon is asked that does not answer: then nobody knows what came or went. */
export const unknown = '?'

export interface Probe {
  /** Shell; prints lines, and nothing where its program is not there. An emulated guest starts few programs in a second. */
  readonly ask: string
  /** What of a line is the same before and after when nothing was left; `undefined` of what changes by itself. */
  readonly clean?: (line: string) => string | undefined
}

/** What the program of a daemon prints, which may not run, stand still, or refuse. */
function daemon(program: string, question: string): Probe {
  return {
    ask: `if command -v ${program} > /dev/null; then timeout 10 ${program} ${question} || echo '${unknown}'; fi`,
  }
}

/** Without the number, and what follows in the lines below. */
function interfaceLine(line: string): string {
  return line.replace(/\\.*/, '').replace(/^\d+: /, '')
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
[ -z "$pids" ] || ps -o args= -p "\${pids%,}"`

const ownProcess = new RegExp(`/run/dpbench-lease|sftp-server|${shellName}`)

/** By kind of thing. */
export const probes: Readonly<Record<string, Probe>> = {
  link: {
    ask: 'ip -o link show',
    clean: (line) =>
      interfaceLine(line)
        .replace(/@[^:]*/, '')
        .replaceAll(/ (qdisc|qlen|state) [^ ]*/g, '')
        .replaceAll(/NO-CARRIER,|,LOWER_UP/g, ''),
  },
  address: {
    ask: 'ip -o address show',
    clean: (line) =>
      / inet6 .* dynamic/.test(line)
        ? undefined
        : interfaceLine(line)
            .replace(/valid_lft.*/, '')
            .replaceAll(/ (dynamic|tentative|noprefixroute)/g, ''),
  },
  route: {
    ask: 'ip -4 route show table all; ip -6 route show table all',
    clean: (line) =>
      / proto (ra|kernel_ra) |^(local|multicast|anycast) \S*:/.test(line)
        ? undefined
        : line.replace(/ expires [^ ]*/, '').replaceAll(/ (linkdown|dead)/g, ''),
  },
  'policy rule': { ask: 'ip -4 rule show; ip -6 rule show' },
  'packet filter rule': {
    ask: 'if command -v nft > /dev/null; then nft -s list ruleset; else iptables-save; ip6tables-save; fi',
    clean: (line) =>
      /^#| expires /.test(line)
        ? undefined
        : line.replace(/\[\d+:\d+\]/, '').replace(/packets \d+ bytes \d+/, ''),
  },
  setting: {
    ask: 'cd /proc/sys && grep -H . net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/ipv6/conf/*/disable_ipv6',
    clean: (line) => line.replace(/^([^:]+):/, (_, file: string) => `${file.replaceAll('/', '.')} = `),
  },
  container: daemon('docker', `ps --all --no-trunc --format '{{.Names}} {{.ID}}'`),
  'Docker volume': daemon('docker', 'volume ls --quiet'),
  'Docker network': daemon('docker', `network ls --no-trunc --format '{{.Name}} {{.ID}}'`),
  domain: daemon('virsh', 'list --all --name'),
  'libvirt network': daemon('virsh', 'net-list --all --name'),
  file: {
    ask: `find /tmp /var/tmp "$HOME" /usr/local/bin /usr/local/sbin /etc/systemd/system /var/lib/libvirt/images -mindepth 1 -maxdepth 1 ! -type s
find /run /var/lib /etc -maxdepth 2 -name '*dpbench*'`,
    clean: (line) => (line.startsWith('/run/dpbench-lease') ? undefined : line),
  },
  process: {
    ask: processProbe,
    clean: (line) => (ownProcess.test(line) ? undefined : line),
  },
}
