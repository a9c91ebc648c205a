/**
 * The later form of ktest's declarations (koverstreet/ktest, tests/prelude.sh): `deps` prints shell variables,
 * `ktest_mem=2G`, `ktest_scratch_dev_sizes=(4G 4G)`. They become the settings of declaration.ts. Pure.
 */
import type { Key, Setting } from './declaration.ts'

export interface KtestVariables {
  readonly settings: readonly Setting[]
  /** What the kernel must have been built with: `MD`, `SCSI_DEBUG=m`. */
  readonly kernelConfig: readonly string[]
  /** `sd` or `vd`, and the letter of the first scratch disk: how the test names its disks. */
  readonly firstDisk: string
  /** All variables as they were printed: the test's own code may ask for them in the guest. */
  readonly variables: Readonly<Record<string, string>>
}

/** What ktest's programs export to a test, wherever it is called; its library for kernel options asks for them. */
export const ktestEnvironment: Readonly<Record<string, string>> = {
  ktest_arch: 'x86_64',
  KERNEL_ARCH: 'x86',
  BITS: '64',
  DEBIAN_ARCH: 'amd64',
}

const translated = new Map<string, Key>(
  Object.entries({
    ktest_mem: 'MEM',
    ktest_cpus: 'CPUS',
    ktest_timeout: 'TIMEOUT',
    ktest_kernel_append: 'KERNEL_ARGS',
    ktest_scratch_devs: 'SCRATCH',
    ktest_scratch_dev_sizes: 'SCRATCH',
    ktest_require: 'REQUIRE',
  } as const),
)

const unmet = new Map(
  Object.entries({
    ktest_images: 'disk images of its own are not supported: put them into REQUIRE and set up a loop device',
    ktest_rw_images:
      'disk images of its own are not supported: put them into REQUIRE and set up a loop device',
    ktest_containers: 'containers are not supported: see dpbench guest container',
    ktest_pmem_devs: 'persistent memory is not supported',
    ktest_qemu_append: 'arguments for QEMU are not supported',
    ktest_make_install:
      'nothing is built in the guest: build it before, and name the program with --require or REQUIRE',
  }),
)

export function isKtest(text: string): boolean {
  return /^ktest_\w+=/m.test(text)
}

/** Translates what `deps` printed; what dpbench cannot give is a fault. */
export function readKtestVariables(text: string, where: string, faults: string[]): KtestVariables {
  // without a prototype: a script may print any name
  const variables = Object.create(null) as Record<string, string>
  for (const line of text.split('\n')) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line.trim()) ?? []
    if (name === undefined) continue // tests print to people too, `cloning …`; ktest evaluates it all
    variables[name] = value!.replace(/^\((.*)\)$/, '$1').trim()
  }
  const settings: Setting[] = []
  for (const [name, value] of Object.entries(variables)) {
    if (value === '') continue
    if (unmet.has(name)) faults.push(`${where}: ${name}=${value}: ${unmet.get(name)}`)
    const key = translated.get(name)
    // a test without config-timeout has 0: the default
    if (key !== undefined && !(key === 'TIMEOUT' && value === '0')) settings.push({ key, value, where })
  }
  const vms = variables['ktest_vms'] ?? ''
  if (!['', '1'].includes(vms))
    faults.push(`${where}: ktest_vms=${vms}: a guest run has one VM; for several write a suite or a pair`)
  const arch = variables['ktest_arch'] ?? ''
  if (!['', 'x86_64'].includes(arch))
    faults.push(`${where}: ktest_arch=${arch}: only x86_64 guests are there`)
  return {
    settings,
    kernelConfig: (variables['ktest_kernel_config_require'] ?? '').split(/[\s,]+/).filter(Boolean),
    firstDisk: variables['ktest_storage_bus'] === 'virtio-blk' ? 'vdb' : 'sdb',
    variables,
  }
}
