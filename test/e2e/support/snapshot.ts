/** What a run could change on a hypervisor or in a guest, as text that is the same before and after when nothing was left. */
import { expect } from 'vitest'
import { waitFor } from '../../../src/core/wait.ts'
import type { TestLab } from './lab.ts'

/** By machine, by kind. */
export type Snapshot = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

/** Counters, remaining lifetimes and the like, which change by themselves, are cut off. */
const probes: Readonly<Record<string, string>> = {
  containers:
    'command -v docker >/dev/null && [ -S /run/docker.sock ] && docker ps -a --no-trunc --format "{{.ID}} {{.Names}} {{.State}}"',
  images:
    '[ -S /run/docker.sock ] && docker images --no-trunc --digests --format "{{.Repository}}:{{.Tag}} {{.Digest}} {{.ID}}"',
  volumes: '[ -S /run/docker.sock ] && docker volume ls -q',
  // a bridge has the address of one of its ports, and none when the last one has gone
  links:
    'ip -o link show | sed -E "s/^[0-9]+: //; s/@[^:]*//; s/ (qdisc|qlen|state) [^ ]*//g; s/,?(LOWER_UP|NO-CARRIER),?/,/g; s/<,/</; s/,>/>/; /^br-/ s/ link.ether.*//"',
  addresses: 'ip -o address show | sed -E "s/^[0-9]+: //; s/valid_lft.*//; s/ (dynamic|tentative)//g"',
  routes:
    '{ ip -4 route show table all; ip -6 route show table all; } | sed -E "s/ expires [^ ]*//; s/ (linkdown|dead)//g"',
  neighbours: 'ip neighbour show nud permanent',
  rules:
    '{ iptables-save; ip6tables-save; nft list ruleset; } 2>/dev/null | sed -E "/^#/d; s/\\[[0-9]+:[0-9]+\\]//; s/packets [0-9]+ bytes [0-9]+//"',
  // a hypervisor sees its guests' processes too: also those of a snapshot that is taken of them meanwhile
  processes:
    'ps -eo args= | grep -v -E "^(ps|find|ip|ip6?tables(-nft|-legacy)?-save|xtables.*|nft|sed|grep|sort|uniq|cat|docker|sysctl|sh|nsenter)( |$)|<defunct>|^\\[|^sshd: "',
  files:
    'find /tmp /var/tmp /run /usr/local /var/lib/dhcp -xdev \\( -path /run/docker -o -path /run/containerd -o -path /run/libvirt \\) -prune -o ! -type s -print 2>/dev/null | grep -v -E "^/run/(utmp|xtables.lock|sshd)"; find /root /etc -maxdepth 1',
  settings:
    'sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding; cat /proc/sys/net/ipv6/conf/*/disable_ipv6 | sort | uniq -c',
}

export async function machineSnapshot(lab: TestLab, machine: string): Promise<Snapshot[string]> {
  const script = Object.entries(probes)
    .map(([kind, command]) => `echo "== ${kind}"; { ${command}; } | sort; true`)
    .join('\n')
  const text = await lab.shell(machine, script)
  const sections = text.split(/^== /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => {
      const [kind = '', ...lines] = section.split('\n').map((line) => line.trimEnd())
      return [kind, lines.filter(Boolean)]
    }),
  )
}

/** Sessions and kernel objects take a moment to go: waits, then compares, so that a difference is shown as one. */
export async function expectAsBefore(lab: TestLab, before: Snapshot): Promise<void> {
  const wanted = JSON.stringify(before)
  let now = await lab.snapshot()
  await waitFor(
    async () => {
      now = await lab.snapshot()
      return JSON.stringify(now) === wanted ? { state: 'ready', value: undefined } : { state: 'pending' }
    },
    { what: 'the machines to be as before', timeoutMs: 20_000, intervalMs: 200 },
  ).catch(() => undefined) // the comparison below says what differs
  expect(now).toEqual(before)
}
