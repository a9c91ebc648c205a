/** A folder as a bootable disk: one ext4 partition on an MBR disk, extlinux as its boot loader, in a sparse raw file. */
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type LocalCommandOptions, runLocally } from '../../src/core/local-command.ts'
import { disk, kernelArguments } from './recipe.ts'
import { runInSandbox } from './sandbox.ts'

/** Where Debian's packages `extlinux` and `syslinux-common` put the first sector. */
const masterBootRecord = '/usr/lib/EXTLINUX/mbr.bin'

/** Makes the disk `image` from the files below `root`, which get the boot loader's configuration. */
export async function makeDisk(image: string, root: string, options: LocalCommandOptions): Promise<void> {
  await writeFile(join(root, 'boot/extlinux.conf'), bootConfiguration())
  const file = await open(image, 'wx')
  await file.truncate(disk.bytes)
  await file.close()
  await runLocally(['sfdisk', '--quiet', image], {
    ...options,
    input: `label: dos\nstart=${disk.partitionOffset / 512}, type=83, bootable\n`,
  })
  await makeFileSystem(image, root, options)
  await runLocally(
    ['dd', `if=${masterBootRecord}`, `of=${image}`, 'bs=440', 'count=1', 'conv=notrunc', 'status=none'],
    options,
  )
  await installBootLoader(image, options)
  await runLocally(['fallocate', '--dig-holes', image], options)
}

/** Those of ext4 that extlinux can read (not 64bit, metadata_csum), whatever this machine's mke2fs.conf says. */
const features =
  'sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr,has_journal,extent,huge_file,flex_bg,dir_nlink,extra_isize'

/** Everything is initialised now, so that no guest does it later. */
async function makeFileSystem(image: string, root: string, options: LocalCommandOptions): Promise<void> {
  const blocks = (disk.bytes - disk.partitionOffset) / 4096
  await runLocally(
    [
      'mke2fs',
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      '4096',
      '-L',
      disk.label,
      '-d',
      root,
      '-O',
      `none,${features}`,
      '-m',
      '0',
      '-i',
      '16384',
      '-J',
      'size=16',
      '-E',
      `offset=${disk.partitionOffset},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0`,
      image,
      String(blocks),
    ],
    { timeoutMs: 300_000, ...options },
  )
}

/** extlinux writes its map of blocks through a mounted file system only; the sandbox takes mount and loop device down. */
async function installBootLoader(image: string, options: LocalCommandOptions): Promise<void> {
  const script = 'mount -t ext4 -o "loop,offset=$2" "$1" /mnt && extlinux --install /mnt/boot && umount /mnt'
  await runInSandbox(['sh', '-c', script, 'sh', image, String(disk.partitionOffset)], options)
}

function bootConfiguration(): string {
  return [
    'DEFAULT guest',
    'PROMPT 0',
    'NOESCAPE 1',
    'LABEL guest',
    '  LINUX /boot/vmlinuz',
    '  INITRD /boot/initrd.img',
    `  APPEND ${kernelArguments.join(' ')}`,
    '',
  ].join('\n')
}
