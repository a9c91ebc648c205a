/**
 * The script that the first process of a host runs: it gives the host a file system in which nothing that is written
 * reaches the machine, then becomes the init that reaps.
 *
 * System folders are overlays whose upper layers lie in the host's folder, `/` itself is read-only, and what the daemons
 * need on a plain file system (Docker's layers, disk images) is bound from the host's folder.
 */
import { dirname } from 'node:path'
import { quoteArg, quoteArgv } from '../../src/core/shell-quote.ts'

export interface Isolation {
  /** The host's own folder on the machine, absolute. */
  readonly folder: string
  readonly hostName: string
  /** False for the controller, which lives in the machine's network. */
  readonly ownNetwork: boolean
  /** Docker needs the machine's cgroup hierarchies; a guest does not see them. */
  readonly cgroups: boolean
  /** `minimal` has what programs expect (null, random, tty, pts, tun) and no disk of the machine. */
  readonly devices: 'machine' | 'minimal'
  /** Where to mount the machine's huge pages of 2 MB, below one of the binds. */
  readonly hugepages?: string
  /** System folders to lay over: absolute, top-level. */
  readonly overlays: readonly string[]
  /** Private folders: a source on the machine (relative to the host's folder, or absolute), by the place it gets. */
  readonly binds: Readonly<Record<string, string>>
}

/** Where an init puts its marker when its namespaces are ready, seen from inside. */
export const readyMarker = '/run/dpbench/ready'

/** A POSIX shell script for `sh -e`, to be started in the host's folder, in the new namespaces. */
export function isolationScript(isolation: Isolation): string {
  const { overlays } = isolation
  const binds = Object.entries(isolation.binds)
  const inOverlays = binds.filter(([target]) => overlays.some((folder) => target.startsWith(`${folder}/`)))
  const others = binds.filter((each) => !inOverlays.includes(each))
  const lines: string[] = [
    // The old /proc still counts in the machine's pids, and a redirection is opened by the shell itself.
    'read -r pid rest < /proc/self/stat',
    'echo "$pid" > init.pid',
    run('mount', '--make-rprivate', '/'),
    ...letGo(isolation),
    ...overlays.flatMap(overlay),
    // Inside an overlay a folder is put in place before the overlay itself is: afterwards the host's folder, which
    // lies below /var, would be reached through the overlay, on which neither Docker nor another overlay can stand.
    ...inOverlays.flatMap(([target, source]) => bind(source, `stage${target}`)),
    // Only then /root and /tmp are covered, below which the cache may lie.
    ...others.flatMap(([target, source]) => bind(source, target)),
  ]
  if (isolation.devices === 'minimal') lines.push(...minimalDevices)
  if (isolation.cgroups)
    lines.push('mkdir -p stage/cgroup', run('mount', '--rbind', '/sys/fs/cgroup', 'stage/cgroup'))
  lines.push(...overlays.map((folder) => run('mount', '--move', `stage${folder}`, folder)))
  if (isolation.devices === 'minimal') lines.push(run('mount', '--move', 'stage/dev', '/dev'))
  lines.push(run('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', '/dev/shm'))
  lines.push(run('mount', '-t', 'proc', 'proc', '/proc'))
  if (isolation.hugepages !== undefined) {
    lines.push(run('mkdir', '-p', isolation.hugepages))
    lines.push(run('mount', '-t', 'hugetlbfs', '-o', 'pagesize=2M', 'hugetlbfs', isolation.hugepages))
  }
  if (isolation.ownNetwork) {
    // A sysfs shows the devices of the network namespace that it was mounted from, and hides the cgroups below it.
    lines.push(run('mount', '-t', 'sysfs', 'sysfs', '/sys'))
    if (isolation.cgroups) lines.push(run('mount', '--move', 'stage/cgroup', '/sys/fs/cgroup'))
    lines.push(run('hostname', isolation.hostName), run('ip', 'link', 'set', 'lo', 'up'))
  }
  lines.push(
    run('mount', '-o', 'remount,bind,ro', '/'),
    'cd /',
    `mkdir -p ${quoteArg(readyMarker.replace(/\/[^/]*$/, ''))}`,
    `: > ${quoteArg(readyMarker)}`,
    `exec ${quoteArgv(['tini', '--', 'sleep', 'infinity'])}`,
  )
  return `${lines.join('\n')}\n`
}

/**
 * A mount namespace starts with a copy of every mount of the machine. A copy keeps a file system, a loop device or
 * somebody's network namespace alive after the machine has let go of it, so all that is not needed is detached.
 */
function letGo({ folder, overlays, binds }: Isolation): string[] {
  const needed = [folder, ...Object.values(binds).filter((source) => source.startsWith('/'))].flatMap(
    ancestors,
  )
  const kept = [...new Set(['/', ...overlays, ...needed])].map(quoteArg)
  const trees = ['/proc', '/sys', '/dev'].flatMap((tree) => [tree, `${tree}/*`])
  return [
    'mounts=$(cat /proc/self/mounts)',
    'while read -r device point rest; do',
    `  point=$(printf '%b' "$point")`, // a space in a path is written \040 there
    '  case "$point" in',
    `    ${[...kept, ...trees].join('|')}) ;;`,
    '    *) umount -l "$point" 2> /dev/null || : ;;', // it may have gone with the one above it
    '  esac',
    'done <<MOUNTS',
    '$mounts',
    'MOUNTS',
  ]
}

function ancestors(path: string): string[] {
  return path === '/' ? [] : [path, ...ancestors(dirname(path))]
}

function overlay(folder: string): string[] {
  const layers = `lowerdir=${folder},upperdir=upper${folder},workdir=work${folder}`
  return [
    run('mkdir', '-p', `stage${folder}`, `upper${folder}`, `work${folder}`),
    run('mount', '-t', 'overlay', '-o', layers, 'overlay', `stage${folder}`),
  ]
}

function bind(source: string, target: string): string[] {
  return [run('mkdir', '-p', source, target), run('mount', '--bind', source, target)]
}

const minimalDevices: readonly string[] = [
  'mkdir -p stage/dev',
  run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', 'stage/dev'),
  'mkdir stage/dev/net stage/dev/pts stage/dev/shm',
  'for device in null zero full random urandom tty net/tun; do',
  '  if [ -e "/dev/$device" ]; then : > "stage/dev/$device"; mount --bind "/dev/$device" "stage/dev/$device"; fi',
  'done',
  run('mount', '-t', 'devpts', '-o', 'newinstance,mode=620,ptmxmode=0666', 'devpts', 'stage/dev/pts'),
  'ln -s pts/ptmx stage/dev/ptmx',
  'ln -s /proc/self/fd stage/dev/fd',
  'for name in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${name%%:*}" "stage/dev/${name#*:}"; done',
]

function run(...argv: string[]): string {
  return quoteArgv(argv)
}
