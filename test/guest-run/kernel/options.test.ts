import { describe, expect, test } from 'vitest'
import {
  mergeOptions,
  missingOptions,
  missingSentence,
  requiredByScripts,
} from '../../../src/guest-run/kernel/options.ts'

const options = [
  { name: 'EXT4_FS', why: 'the root file system' },
  { name: 'VIRTIO_BLK', why: 'the disk' },
]

describe('options of a kernel', () => {
  test('are set once, whatever they were, and no other is touched', () => {
    const config =
      'CONFIG_EXT4_FS=m\n# CONFIG_VIRTIO_BLK is not set\nCONFIG_EXT4_FS_SECURITY=y\n# a comment\n\n'
    expect(mergeOptions(config, options)).toBe(
      'CONFIG_EXT4_FS_SECURITY=y\n# a comment\nCONFIG_EXT4_FS=y\nCONFIG_VIRTIO_BLK=y\n',
    )
  })

  test('a module is not built in', () => {
    expect(missingOptions('CONFIG_EXT4_FS=m\nCONFIG_VIRTIO_BLK=y\n', options)).toEqual([options[0]])
    expect(missingSentence(options[0]!, 'CONFIG_EXT4_FS=m\n')).toMatch(
      /^CONFIG_EXT4_FS is "m", and a guest needs/,
    )
  })

  test('are what scripts require, with a value of their own', () => {
    const required = requiredByScripts(['MD', 'CONFIG_SCSI_DEBUG=m', 'PREEMPT=n', 'NR_CPUS=64', '# none'])
    expect(mergeOptions('CONFIG_PREEMPT=y\n', required)).toBe(
      'CONFIG_MD=y\nCONFIG_SCSI_DEBUG=m\n# CONFIG_PREEMPT is not set\nCONFIG_NR_CPUS=64\n',
    )
    expect(missingOptions('CONFIG_MD=m\nCONFIG_SCSI_DEBUG=y\nCONFIG_NR_CPUS=64\n', required)).toEqual([])
    const missing = missingOptions('CONFIG_PREEMPT=y\nCONFIG_NR_CPUS=8\n', required)
    expect(missing.map(({ name }) => name)).toEqual(['MD', 'SCSI_DEBUG', 'PREEMPT', 'NR_CPUS'])
    expect(missingSentence(missing[3]!, 'CONFIG_NR_CPUS=8\n')).toBe(
      'CONFIG_NR_CPUS is "8", and "64" is asked for (a script requires it): something that it depends on is off',
    )
  })

  test('what the kernel does not know any more is not missing', () => {
    expect(missingOptions('', options, (name) => name === 'EXT4_FS')).toEqual([options[0]])
  })
})
