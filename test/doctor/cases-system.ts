/** Access and system. */
import type { Case } from './cases.ts'
import { systemSections } from './recorded.ts'

export const systemCases: readonly Case[] = [
  {
    name: 'a governor that saves power',
    changes: { system: { governors: '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor powersave' } },
    check: 'CPU governor',
    status: 'warning',
    found: /powersave on 1 of 1/,
    repair: /echo performance > \/sys\/devices\/system\/cpu\/cpu0/,
  },
  {
    name: 'a clock that is far off',
    changes: { access: { clock: { offsetSeconds: -90, uncertaintySeconds: 0.1 } } },
    check: 'clock',
    found: /90.00 s behind the controller/,
    advice: /timedatectl set-ntp true/,
  },
  {
    name: 'a clock that is off',
    changes: { access: { clock: { offsetSeconds: 3, uncertaintySeconds: 0.1 } } },
    check: 'clock',
    status: 'warning',
    found: /3.00 s ahead of/,
  },
  {
    name: 'sudo asks for a password',
    changes: { access: { root: 'sudo: a password is required' } },
    check: 'sudo',
    found: /sudo -n does not work for bench: sudo: a password/,
    advice: /NOPASSWD/,
  },
  {
    name: 'Docker stores where nothing may be started',
    changes: {
      system: { mounts: `${systemSections['mounts']}\n/dev/sdb /var/lib/docker ext4 rw,noexec 0 0` },
    },
    check: 'noexec',
    found: /no container starts/,
    advice: /remount,exec \/var\/lib\/docker/,
  },
  {
    name: "Docker's disk is nearly full",
    changes: { docker: { engine: { version: '27', root: '/var/lib/docker', freeBytes: 3.4 * 2 ** 30 } } },
    check: 'disk for containers',
    status: 'warning',
    found: /3.4 GiB free/,
    advice: /docker image prune/,
  },
  {
    name: "a tar that is not GNU's",
    changes: { system: { 'version tar': 'bsdtar 3.7' } },
    check: 'programs',
    found: /bsdtar 3.7: only GNU tar/,
  },
  {
    name: 'programs are missing on Gardenlinux: named, not installed',
    changes: { system: { programs: 'tar /bin/tar' } },
    check: 'programs',
    found: /not installed: virsh, qemu-img, sha256sum, dd, stat, gzip, ip$/,
    advice: /^apt-get install --no-install-recommends libvirt-clients qemu-utils coreutils gzip iproute2$/,
  },
  {
    name: 'programs are missing on Debian: installed',
    changes: {
      system: { os: 'ID=debian', programs: systemSections['programs']!.replace(/^qemu-img.*\n/m, '') },
    },
    check: 'programs',
    found: /not installed: qemu-img$/,
    repair: /apt-get .*install qemu-utils/,
  },
  {
    name: 'programs are missing on SUSE',
    changes: {
      system: {
        os: 'ID="sles"\nID_LIKE="suse"',
        programs: systemSections['programs']!.replace(/^qemu-img.*\n/m, ''),
      },
    },
    check: 'programs',
    found: /qemu-img/,
    advice: /^zypper install qemu-img$/,
  },
]
