/** What a kernel's configuration must have to run a guest of ours, and what it should have. Pure. */

/** An option of Kconfig, without `CONFIG_`, and what needs it. */
export interface KernelOption {
  readonly name: string
  readonly why: string
  /** Default: `y`. */
  readonly value?: string | undefined
  /** A module does as well. */
  readonly loadable?: boolean
}

/** What scripts require: `MD`, `CONFIG_SCSI_DEBUG=m`, `PREEMPT=n`, `LOG_BUF_SHIFT=20`; what is none of these is passed over. */
export function requiredByScripts(texts: readonly string[]): KernelOption[] {
  return texts.flatMap((text) => {
    const [, name, value] = /^(?:CONFIG_)?(\w+)(?:=(.+))?$/.exec(text) ?? []
    return name === undefined ? [] : [{ name, value, why: 'a script requires it', loadable: true }]
  })
}

/** Without one of them no guest gets as far as its script. All are built in: nothing loads modules before the root is mounted. */
export const requiredOptions: readonly KernelOption[] = [
  ...[
    '64BIT',
    'BINFMT_ELF',
    'BINFMT_SCRIPT',
    'MULTIUSER',
    'FUTEX',
    'EPOLL',
    'EVENTFD',
    'SIGNALFD',
    'TIMERFD',
  ].map((name) => ({ name, why: "the guest's programs" })),
  ...['POSIX_TIMERS', 'FILE_LOCKING', 'SHMEM', 'PROC_FS', 'SYSFS', 'TMPFS', 'DEVTMPFS', 'UNIX98_PTYS'].map(
    (name) => ({
      name,
      why: "the guest's programs",
    }),
  ),
  ...['TTY', 'PRINTK', 'SERIAL_8250', 'SERIAL_8250_CONSOLE'].map((name) => ({
    name,
    why: 'the serial console',
  })),
  ...['PCI', 'ACPI'].map((name) => ({ name, why: "the machine's devices and its power switch" })),
  ...['BLOCK', 'BLK_DEV', 'VIRTIO_MENU', 'VIRTIO_PCI', 'VIRTIO_BLK', 'MSDOS_PARTITION', 'EXT4_FS'].map(
    (name) => ({
      name,
      why: 'the root file system, ext4 on a virtio disk',
    }),
  ),
  ...['NET', 'INET', 'UNIX', 'NETDEVICES', 'NET_CORE', 'ETHERNET', 'VIRTIO_NET'].map((name) => ({
    name,
    why: "the way to the run's files",
  })),
]

/** Merged as well; a guest does without, and a script that needs one says so itself. */
export const wantedOptions: readonly KernelOption[] = [
  ...[
    'SMP',
    'HIGH_RES_TIMERS',
    'HYPERVISOR_GUEST',
    'PVH',
    'HW_RANDOM',
    'HW_RANDOM_VIRTIO',
    'RANDOM_TRUST_CPU',
  ].map((name) => ({ name, why: 'speed' })),
  ...['NET_9P', 'NET_9P_VIRTIO', '9P_FS'].map((name) => ({ name, why: 'folders of the host' })),
  ...['BLK_DEV_LOOP', 'BLK_DEV_INITRD', 'RD_GZIP', 'DEBUG_FS', 'MAGIC_SYSRQ', 'CGROUPS'].map((name) => ({
    name,
    why: 'tests',
  })),
  ...['NETFILTER', 'NF_CONNTRACK', 'NF_TABLES', 'NF_TABLES_IPV4', 'NF_NAT', 'NFT_NAT'].map((name) => ({
    name,
    why: 'port 3003 of the host, where it serves on another',
  })),
]

/** The configuration with every option of ours set, each of its earlier lines gone. */
export function mergeOptions(config: string, options: readonly KernelOption[]): string {
  const wanted = new Map(options.map(({ name, value = 'y' }) => [name, value]))
  const kept = config.split('\n').filter((line) => {
    const name = /^(?:# )?CONFIG_(\w+)[= ]/.exec(line)?.[1]
    return name === undefined || !wanted.has(name)
  })
  while (kept.at(-1) === '') kept.pop()
  const set = [...wanted].map(([name, value]) =>
    value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`,
  )
  return `${[...kept, ...set].join('\n')}\n`
}

/**
 * Which of `options` the configuration does not have as wanted. An option that its kernel does not know any more is not
 * missing: `known` has the names that the source tree defines.
 */
export function missingOptions(
  config: string,
  options: readonly KernelOption[],
  known: (name: string) => boolean = () => true,
): KernelOption[] {
  const set = new Map([...config.matchAll(/^CONFIG_(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]))
  return options.filter(({ name, value = 'y', loadable = false }) => {
    const has = set.get(name) ?? 'n'
    const either = loadable && ['y', 'm'].includes(value) && ['y', 'm'].includes(has)
    return has !== value && !either && known(name)
  })
}

/** One sentence per missing option, with what to do. */
export function missingSentence({ name, why, value: wanted }: KernelOption, config: string): string {
  const value = new RegExp(`^CONFIG_${name}=(.*)$`, 'm').exec(config)?.[1]
  const is = value === undefined ? 'is not set' : `is "${value}"`
  const needed = wanted === undefined ? 'a guest needs it built in' : `"${wanted}" is asked for`
  return `CONFIG_${name} ${is}, and ${needed} (${why}): something that it depends on is off`
}
