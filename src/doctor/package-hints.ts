/** Which package brings a program, by the distribution that `/etc/os-release` names. */
import type { SystemFacts } from './host-facts.ts'

type Names = Readonly<Record<'apt' | 'dnf' | 'zypper', string>>

const packages: Readonly<Record<string, Names>> = {
  virsh: { apt: 'libvirt-clients', dnf: 'libvirt-client', zypper: 'libvirt-client' },
  libvirtd: { apt: 'libvirt-daemon-system', dnf: 'libvirt-daemon-kvm', zypper: 'libvirt-daemon-qemu' },
  'qemu-system': { apt: 'qemu-system-x86', dnf: 'qemu-kvm', zypper: 'qemu-x86' },
  'qemu-img': { apt: 'qemu-utils', dnf: 'qemu-img', zypper: 'qemu-img' },
  tar: { apt: 'tar', dnf: 'tar', zypper: 'tar' },
  sha256sum: { apt: 'coreutils', dnf: 'coreutils', zypper: 'coreutils' },
  dd: { apt: 'coreutils', dnf: 'coreutils', zypper: 'coreutils' },
  stat: { apt: 'coreutils', dnf: 'coreutils', zypper: 'coreutils' },
  gzip: { apt: 'gzip', dnf: 'gzip', zypper: 'gzip' },
  zstd: { apt: 'zstd', dnf: 'zstd', zypper: 'zstd' },
  ip: { apt: 'iproute2', dnf: 'iproute', zypper: 'iproute2' },
  dockerd: { apt: 'docker.io', dnf: 'moby-engine', zypper: 'docker' },
  'ssh-keygen': { apt: 'openssh-client', dnf: 'openssh-clients', zypper: 'openssh-clients' },
  iperf3: { apt: 'iperf3', dnf: 'iperf3', zypper: 'iperf' },
  ping: { apt: 'iputils-ping', dnf: 'iputils', zypper: 'iputils' },
  ss: { apt: 'iproute2', dnf: 'iproute', zypper: 'iproute2' },
}

const managers: readonly {
  readonly ids: readonly string[]
  readonly command: string
  readonly key: keyof Names
}[] = [
  {
    ids: ['debian', 'ubuntu', 'gardenlinux'],
    command: 'apt-get install --no-install-recommends',
    key: 'apt',
  },
  { ids: ['fedora', 'rhel', 'centos'], command: 'dnf install', key: 'dnf' },
  { ids: ['suse', 'opensuse'], command: 'zypper install', key: 'zypper' },
]

/**
 * The packages that `--fix` may install: on Debian and Ubuntu alone. Gardenlinux is like Debian, but its images are built
 * with what they need, and some are read-only.
 */
export function installable(programs: readonly string[], { id, like }: SystemFacts['os']): string[] {
  if (id === 'gardenlinux' || ![id, ...like].some((one) => one === 'debian' || one === 'ubuntu')) return []
  return [...new Set(programs.map((program) => packages[program]?.apt ?? program))]
}

/** The command that installs `programs`; their names alone on a distribution that is not known. */
export function installCommand(programs: readonly string[], { id, like }: SystemFacts['os']): string {
  const ids = [id, ...like].map((each) => each.replace(/-.*/, ''))
  const manager = managers.find((each) => each.ids.some((one) => ids.includes(one)))
  if (!manager) return `install ${programs.join(', ')} with this distribution's package manager`
  const names = new Set(programs.map((program) => packages[program]?.[manager.key] ?? program))
  return `${manager.command} ${[...names].join(' ')}`
}
