import { describe, expect, test } from 'vitest'
import { declarationOf, settingsOfComments, settingsOfLines } from '../../src/guest-run/declaration.ts'
import { readKtestVariables } from '../../src/guest-run/ktest-variables.ts'

function faultsOf(text: string): string[] {
  const faults: string[] = []
  declarationOf(settingsOfLines(text, 'x deps', faults), 'x', faults)
  return faults
}

describe('KEY=value lines', () => {
  test("ktest's first form is read whole", () => {
    const faults: string[] = []
    const settings = settingsOfLines(
      'REQUIRE=test-libs.sh,make-bcache\nMEM=512M\nSCRATCH=512M,2G,2G\n',
      'x',
      faults,
    )
    expect(faults).toEqual([])
    expect(declarationOf(settings, 'x', faults)).toEqual({
      memoryMiB: 512,
      cpus: 1,
      scratch: [536_870_912, 2_147_483_648, 2_147_483_648],
      require: ['test-libs.sh', 'make-bcache'],
      localRequire: [],
      timeoutMs: 600_000,
      kernelArgs: [],
      network: 'user',
    })
  })

  test('every fault is said, at once', () => {
    expect(faultsOf('MEMM=512M\nCPUS=many\nSCRATCH=1X\nTIMEOUT=0\nNETWORK=tap\nhello')).toEqual([
      "x deps, line 6: 'hello' is no KEY=value: print nothing else",
      'x deps: MEMM is no key: did you mean MEM?',
      'x: MEM is missing: say how much memory the guest needs, MEM=512M for instance',
      'x deps: CPUS=many: give a whole number from 1 to 256',
      'x deps: SCRATCH=1X: give sizes with commas between them, 512M,2G for instance, in sectors of 512 bytes',
      'x deps: TIMEOUT=0: give 1 second to a day: 90, 90s, 10m or 2h',
      'x deps: NETWORK=tap: give user or none',
    ])
  })

  test('memory without a unit is asked back, a repeated key refused', () => {
    expect(faultsOf('MEM=512')).toEqual([
      'x deps: MEM=512: no guest starts with less than 64M: did you mean 512M?',
    ])
    expect(faultsOf('MEM=1G\nMEM=2G')).toEqual(['x deps: MEM is given twice: give it once'])
  })

  test('the command line stands in the place of a key, and adds to a list', () => {
    const faults: string[] = []
    const settings = settingsOfLines('MEM=512M\nSCRATCH=1M', 'x', faults)
    const overriding = [
      { key: 'MEM', value: '1G', where: '--mem' },
      { key: 'SCRATCH', value: '2M', where: '--scratch' },
    ]
    expect(declarationOf(settings, 'x', faults, overriding)).toMatchObject({
      memoryMiB: 1024,
      scratch: [1_048_576, 2_097_152],
    })
  })
})

describe('comments', () => {
  test('declare at the head, and only there', () => {
    const text =
      '#!/bin/sh\n# A test. NOTE: prose.\n# MEM=512M\n#  CPUS: 2\n\n# REQUIRE=a, b\necho\n# MEM=1G\n'
    expect(settingsOfComments(text, 'x').map(({ key, value }) => `${key} ${value}`)).toEqual([
      'MEM 512M',
      'CPUS 2',
      'REQUIRE a, b',
    ])
  })

  test('a misspelled key is a fault with its line', () => {
    const faults: string[] = []
    declarationOf(settingsOfComments('# MEM=1G\n# TIMEOUTS=3', 'x'), 'x', faults)
    expect(faults).toEqual(['x:2: TIMEOUTS is no key: did you mean TIMEOUT?'])
  })
})

describe("ktest's variables", () => {
  test('become settings; what cannot be given is a fault', () => {
    const faults: string[] = []
    const read = readKtestVariables(
      'ktest_arch=\nktest_cpus=2\nktest_mem=2G\nktest_timeout=0\nktest_scratch_dev_sizes=(4G 4G)\nktest_storage_bus=virtio-scsi-pci\nktest_kernel_config_require=(MD BLK_DEV_LOOP)\nktest_qemu_append=(-device x)\n',
      'x deps',
      faults,
    )
    expect(faults).toEqual(['x deps: ktest_qemu_append=-device x: arguments for QEMU are not supported'])
    expect(declarationOf(read.settings, 'x', [])).toMatchObject({
      memoryMiB: 2048,
      cpus: 2,
      timeoutMs: 600_000,
      scratch: [2 ** 32, 2 ** 32],
    })
    expect(read.kernelConfig).toEqual(['MD', 'BLK_DEV_LOOP'])
    expect(read.firstDisk).toBe('sdb')
  })
})
