/** What a lab guest is made of. Everything here enters the hash under which the image is cached. */

/**
 * Debian 12: under QEMU 7.2's TCG its kernel 6.1 with `-cpu max` was not seen to fail, where Debian 13's 6.12 now and
 * then corrupted memory; and it builds in half the time.
 */
export const release = 'bookworm'
export const architecture = 'amd64'

/** Installed in the guest. */
export const packages = [
  'crun', // guest runs: what podman starts containers with
  'curl', // the guest service of guest runs, and scripts written for it
  'e2fsprogs', // guest runs: scratch disks
  'ethtool',
  'iperf', // version 2, for a load balancer with several backends
  'iperf3',
  'iproute2',
  'iputils-ping',
  'kmod',
  'nftables', // guest runs: port 3003 of the host, where another is served
  'openssh-server',
  'passwd',
  'podman', // guest runs: container functions
  'procps',
  'sockperf',
  'sudo',
  'systemd-sysv',
  'udev',
  'usr-is-merged', // instead of usrmerge, which brings perl
] as const

/** The kernel's meta package; what it depends on is unpacked without its maintainer scripts (they build an initrd). */
export const kernelPackage = 'linux-image-cloud-amd64'

/** Packages of which single files are taken. */
export const filePackages = {
  ignition: { package: 'ignition', path: 'usr/lib/dracut/modules.d/30ignition/ignition' },
  busybox: { package: 'busybox-static', path: 'bin/busybox' },
} as const

/** Paths that dpkg does not unpack. Licences stay. */
export const excludedPaths = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/lintian/*',
  '/usr/share/bug/*',
  '/usr/share/bash-completion/*',
  '/usr/share/zsh/*',
] as const

/** Emptied or removed after the installation: of no use in a guest, or of the machine that built it. */
export const removedPaths = [
  'etc/apt',
  'etc/hostname',
  'etc/resolv.conf',
  'usr/lib/udev/hwdb.d',
  'usr/lib/udev/hwdb.bin',
  'var/cache/apt',
  'var/cache/debconf',
  'var/lib/apt',
  'var/lib/systemd/catalog',
  'usr/lib/systemd/catalog',
  'usr/lib/systemd/network/80-6rd-tunnel.network',
  'usr/lib/systemd/network/73-usb-net-by-mac.link',
] as const

/** Below `kernel/` of the kernel's modules: what a virtual machine on a virtual network can use. */
export const keptModules = [
  'block/',
  'crypto/',
  'drivers/acpi/button.ko',
  'drivers/block/loop.ko',
  'drivers/block/virtio_blk.ko',
  'drivers/char/hw_random/',
  'drivers/char/virtio_console.ko',
  'drivers/firmware/',
  'drivers/input/evdev.ko',
  'drivers/net/bonding/',
  'drivers/net/ipvlan/',
  'drivers/net/wireguard/',
  'drivers/net/vxlan/',
  /^drivers\/net\/[^/]+\.ko$/,
  'drivers/scsi/virtio_scsi.ko',
  'drivers/virtio/',
  'fs/9p/',
  'fs/fuse/',
  'fs/overlayfs/',
  'lib/',
  'net/',
] as const

/** Loaded before the root file system is mounted, with what they depend on. */
export const earlyModules = ['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_rng'] as const

/** Loaded then too, but not in a guest run, which has no use for them: each costs an emulated CPU a tenth of a second. */
export const labModules = ['virtio_console', 'qemu_fw_cfg', 'button', 'evdev'] as const

/** Units that start nothing in a guest and cost an emulated CPU up to a second each. */
export const maskedUnits = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'cryptsetup.target',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'getty@tty1.service',
  'getty-static.service',
  'integritysetup.target',
  'kmod-static-nodes.service',
  'modprobe@.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'systemd-binfmt.service',
  'systemd-firstboot.service',
  'systemd-initctl.socket',
  'systemd-journal-flush.service',
  'systemd-journald-audit.socket',
  'systemd-logind.service',
  'systemd-machine-id-commit.service',
  'systemd-modules-load.service',
  'systemd-network-generator.service',
  'systemd-networkd-wait-online.service',
  'systemd-pcrphase.service',
  'systemd-pcrphase-sysinit.service',
  'systemd-pstore.service',
  'systemd-random-seed.service',
  'systemd-remount-fs.service',
  'systemd-repart.service',
  'systemd-sysusers.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-user-sessions.service',
  'veritysetup.target',
] as const

/** Each is a process of its own before systemd starts its first unit; none has anything to generate here. */
export const maskedGenerators = [
  'systemd-cryptsetup-generator',
  'systemd-debug-generator',
  'systemd-fstab-generator',
  'systemd-getty-generator',
  'systemd-gpt-auto-generator',
  'systemd-hibernate-resume-generator',
  'systemd-integritysetup-generator',
  'systemd-rc-local-generator',
  'systemd-run-generator',
  'systemd-system-update-generator',
  'systemd-sysv-generator',
  'systemd-veritysetup-generator',
] as const

/** Enabled as `systemctl enable` would: link below /etc/systemd/system → unit. */
export const enabledUnits = {
  'multi-user.target.wants/power-button.service': '/etc/systemd/system/power-button.service',
  'multi-user.target.wants/ssh.service': '/etc/systemd/system/ssh.service',
  'multi-user.target.wants/systemd-networkd.service': '/lib/systemd/system/systemd-networkd.service',
  'sockets.target.wants/systemd-networkd.socket': '/lib/systemd/system/systemd-networkd.socket',
  'getty.target.wants/serial-getty@ttyS0.service': '/lib/systemd/system/serial-getty@.service',
} as const

export const disk = {
  /** The whole disk, a sparse file. */
  bytes: 1536 * 1024 * 1024,
  /** Of the one partition: room for the boot loader, and aligned for any medium. */
  partitionOffset: 1024 * 1024,
  /** Of the root file system. */
  label: 'dpbench-root',
} as const

/**
 * `mitigations=off` saves emulated work, and so does that there is no `nokaslr`: a kernel that is unpacked after a warm reset to
 * where the last one ran is written over code that QEMU has translated, and each store looks all of its page's up (57 s of a
 * reboot, against 10 s at an address of its own). `net.ifnames=0` makes the n-th NIC of the domain `eth<n>`;
 * `random.trust_cpu=on` seeds the random generator before sshd asks.
 */
export const kernelArguments = [
  `root=LABEL=${disk.label}`,
  'rw',
  'console=ttyS0,115200',
  'mitigations=off',
  'random.trust_cpu=on',
  'net.ifnames=0',
  'selinux=0',
  'apparmor=0',
  'audit=0',
  'systemd.show_status=0',
] as const
