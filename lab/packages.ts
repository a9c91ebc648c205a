/** The programs that a lab needs, the Debian packages that carry them, and their installation without side effects. */
import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { UsageError } from '../src/core/errors.ts'
import { installQuietly } from './quiet-install.ts'

export interface Requirement {
  /** On Debian and Ubuntu. */
  readonly package: string
  /** A program in the PATH, or an absolute path: one of several stands for the same thing elsewhere. */
  readonly needs: readonly string[]
  /**
   * `hosts`: no lab comes up without it. `guests`: for building the guest image, provisioning and measuring. `tests`: for
   * dpbench's own tests alone.
   */
  readonly for: 'hosts' | 'guests' | 'tests'
}

const libvirtDrivers = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
].map((folder) => `${folder}/libvirt/connection-driver/libvirt_driver_qemu.so`)

export const requirements: readonly Requirement[] = [
  { package: 'iproute2', needs: ['ip'], for: 'hosts' },
  { package: 'util-linux', needs: ['nsenter'], for: 'hosts' },
  { package: 'tini', needs: ['tini'], for: 'hosts' },
  { package: 'openssh-server', needs: ['/usr/sbin/sshd', '/usr/bin/sshd'], for: 'hosts' },
  { package: 'openssh-client', needs: ['ssh-keyscan'], for: 'hosts' },
  { package: 'libvirt-daemon', needs: ['libvirtd'], for: 'hosts' },
  { package: 'libvirt-daemon-system', needs: libvirtDrivers, for: 'hosts' },
  { package: 'libvirt-clients', needs: ['virsh'], for: 'hosts' },
  { package: 'qemu-system-x86', needs: ['qemu-system-x86_64'], for: 'hosts' },
  { package: 'qemu-utils', needs: ['qemu-img'], for: 'hosts' },
  { package: 'dnsmasq-base', needs: ['dnsmasq'], for: 'hosts' },
  { package: 'iptables', needs: ['iptables'], for: 'hosts' },
  { package: 'nftables', needs: ['nft'], for: 'hosts' },
  { package: 'docker.io', needs: ['dockerd'], for: 'hosts' },
  { package: 'docker.io', needs: ['docker'], for: 'hosts' },
  { package: 'pigz', needs: ['unpigz'], for: 'hosts' }, // dockerd unpacks an image's layers by it where it is there
  { package: 'docker-registry', needs: ['docker-registry'], for: 'hosts' },
  { package: 'openssl', needs: ['openssl'], for: 'hosts' }, // the tests' registry speaks TLS
  { package: 'git', needs: ['git'], for: 'hosts' }, // bisect, and the tests of it
  { package: 'isc-dhcp-client', needs: ['dhclient'], for: 'hosts' },
  { package: 'iputils-ping', needs: ['ping'], for: 'guests' },
  { package: 'ethtool', needs: ['ethtool'], for: 'guests' },
  { package: 'iperf3', needs: ['iperf3'], for: 'guests' },
  { package: 'iperf', needs: ['iperf'], for: 'guests' },
  { package: 'sockperf', needs: ['sockperf'], for: 'guests' },
  { package: 'tcpdump', needs: ['tcpdump'], for: 'guests' },
  { package: 'mmdebstrap', needs: ['mmdebstrap'], for: 'guests' },
  { package: 'extlinux', needs: ['extlinux'], for: 'guests' },
  {
    package: 'syslinux-common',
    needs: ['/usr/lib/syslinux/mbr/mbr.bin', '/usr/share/syslinux/mbr.bin'],
    for: 'guests',
  },
  { package: 'ignition', needs: ['ignition-validate'], for: 'guests' },
  { package: 'libxml2-utils', needs: ['xmllint'], for: 'guests' },
  { package: 'zstd', needs: ['zstd'], for: 'guests' },
  { package: 'e2fsprogs', needs: ['mkfs.ext4'], for: 'guests' },
  { package: 'fdisk', needs: ['sfdisk'], for: 'guests' },
]

/** What `npm test` needs beside a lab: the browser that opens HTML reports and a font for it, a debugger, text recognition. */
export const testRequirements: readonly Requirement[] = [
  { package: 'tesseract-ocr', needs: ['tesseract'], for: 'tests' }, // reads a VM's screen
  { package: 'gdb', needs: ['gdb'], for: 'tests' },
  { package: 'xvfb', needs: ['Xvfb'], for: 'tests' }, // an X server in a guest, and its windows
  { package: 'x11-utils', needs: ['xwininfo'], for: 'tests' },
  { package: 'sudo', needs: ['sudo'], for: 'tests' }, // logging in without root
  { package: 'bsdutils', needs: ['script'], for: 'tests' }, // a terminal for what wants one
  { package: 'chromium', needs: ['chromium', 'chromium-browser', 'google-chrome'], for: 'tests' },
  { package: 'fonts-dejavu-core', needs: ['/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'], for: 'tests' },
]

/** The Debian packages whose programs are not on this machine; empty when all are there, however they came. */
export async function missingPackages(): Promise<string[]> {
  return packagesOf(await missingRequirements())
}

/**
 * Installs what is missing, after naming it. No service starts, now or at the next boot.
 * @throws UsageError on a machine without apt, naming the missing programs; CommandError when apt fails.
 */
export async function installPackages(
  log: (line: string) => void,
  wanted: readonly Requirement[] = requirements,
): Promise<void> {
  const missing = await missingRequirements(wanted)
  if (missing.length === 0) return
  const packages = packagesOf(missing)
  if (!(await isDebianLike())) throw new UsageError(missingMessage(missing, false))
  log(`installing ${packages.join(' ')}`)
  await installQuietly(packages, log)
  const still = await missingRequirements(wanted)
  if (still.length > 0) throw new UsageError(missingMessage(still, true))
}

/** @throws UsageError naming what no lab can do without. */
export async function requirePrograms(): Promise<void> {
  const missing = (await missingRequirements()).filter((requirement) => requirement.for === 'hosts')
  if (missing.length > 0) throw new UsageError(missingMessage(missing, await isDebianLike()))
}

async function missingRequirements(wanted: readonly Requirement[] = requirements): Promise<Requirement[]> {
  const checked = await Promise.all(
    wanted.map(async (requirement) => ((await isThere(requirement)) ? [] : [requirement])),
  )
  return checked.flat()
}

function packagesOf(missing: readonly Requirement[]): string[] {
  return [...new Set(missing.map((requirement) => requirement.package))]
}

async function isThere({ needs }: Requirement): Promise<boolean> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  const paths = needs.flatMap((need) =>
    need.startsWith('/') ? [need] : folders.map((folder) => join(folder, need)),
  )
  const found = await Promise.all(
    paths.map((path) =>
      access(path, constants.R_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return found.includes(true)
}

async function isDebianLike(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release)
}

function missingMessage(missing: readonly Requirement[], debian: boolean): string {
  const programs = missing.map(({ needs }) => needs[0]).join(', ')
  const packages = packagesOf(missing).join(' ')
  return debian
    ? `These programs are missing: ${programs}. Install them: apt-get install ${packages}`
    : `These programs are missing: ${programs}. Install them with your distribution's package manager ` +
        `(Debian calls the packages ${packages}).`
}
