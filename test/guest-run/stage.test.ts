import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type StagedRun, stage } from '../../src/guest-run/stage.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { runHere } from './support/run-here.ts'

async function staged(files: Readonly<Record<string, string>>, script: string): Promise<StagedRun> {
  const [home, folder] = [scratchFolder(), scratchFolder()]
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true })
    await writeFile(join(home, name), text, { mode: 0o755 })
  }
  return stage(join(home, script), { folder })
}

const ofKtest = `#!/usr/bin/env bash
. $(dirname $(readlink -e "\${BASH_SOURCE[0]}"))/../test-libs.sh
config-mem 1G
config-cpus 2
config-scratch-devs 64M
config-timeout 30
require-kernel-config BLK_DEV_LOOP
test_first() { echo "on \${ktest_scratch_dev[0]}"; }
test_second() { false; echo never; }
d_test_third() { true; }
main "$@"
`

describe('asking a script', () => {
  test('deps is answered where nothing can be harmed', async () => {
    const victim = join(scratchFolder(), 'victim')
    await writeFile(victim, 'whole')
    const run = await staged(
      {
        'a.sh': `#!/bin/sh\nrm -f ${victim}; echo broken > ${victim}; kill -9 -1\n[ "$1" = deps ] && { echo MEM=512M; exit; }\n`,
      },
      'a.sh',
    )
    expect(run.declaration.memoryMiB).toBe(512)
    expect(await readFile(victim, 'utf8')).toBe('whole')
  })

  test('a script that declares in comments, or knows nothing of deps, is not called', async () => {
    const seen = join(scratchFolder(), 'seen')
    const run = await staged({ 'a.sh': `#!/bin/sh\n# MEM=256M\n# deps\ntouch ${seen}\n` }, 'a.sh')
    expect(run.declaration.memoryMiB).toBe(256)
    await expect(staged({ 'b.sh': `#!/bin/sh\ntouch ${seen}\n` }, 'b.sh')).rejects.toThrow('MEM is missing')
    expect(existsSync(seen)).toBe(false)
  })

  test('no answer is a fault with what was said', async () => {
    await expect(
      staged({ 'a.sh': '#!/bin/sh\n# deps\necho gone wrong >&2\nexit 4\n' }, 'a.sh'),
    ).rejects.toThrow(/ends 'deps' with status 4:\n\s+gone wrong/)
  })

  test('all that is missing is said at once', async () => {
    const text = '#!/bin/sh\n# MEM=1\n# REQUIRE=helpr, gone-for-good\n# LREQUIRE=nowhere\n'
    const error = await staged({ 'a.sh': text, helper: '' }, 'a.sh').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      exitCode: 2,
      faults: [
        expect.stringContaining('MEM=1'),
        expect.stringMatching(/REQUIRE: helpr is neither .* did you mean helper\?/),
        expect.stringContaining('gone-for-good'),
        expect.stringContaining('LREQUIRE: nowhere'),
      ],
    })
  })
})

test('a required program brings its shared libraries along, but for those of the C library', async () => {
  const run = await staged(
    { 'a.sh': '#!/bin/sh\n# MEM=256M\n# REQUIRE=bash, helper\n', helper: '#!/bin/sh\n' },
    'a.sh',
  )
  expect(run.files).toEqual(['.dpbench-lib/libtinfo.so.6', 'a.sh', 'bash', 'helper'])
})

test('a script that calls docker has it beside it, unless it brings its own', async () => {
  const text = '#!/bin/sh\n# MEM=256M\ndocker pull a && docker run a\n'
  expect((await staged({ 'a.sh': text }, 'a.sh')).files).toEqual(['a.sh', 'docker'])
  const own = await staged(
    { 'a.sh': text.replace('256M', '256M\n# REQUIRE=docker'), docker: '#!/bin/sh\necho own\n' },
    'a.sh',
  )
  expect(await readFile(join(own.folder, 'files/docker'), 'utf8')).toContain('echo own')
  expect((await staged({ 'a.sh': '#!/bin/sh\n# MEM=256M\n# as docker does\n' }, 'a.sh')).files).toEqual([
    'a.sh',
  ])
})

describe("a test of ktest's", () => {
  test('is asked, though it comes without its library', async () => {
    const run = await staged({ 'tests/fs/one.ktest': ofKtest }, 'tests/fs/one.ktest')
    expect(run.declaration).toMatchObject({ memoryMiB: 1024, cpus: 2, scratch: [2 ** 26], timeoutMs: 30_000 })
    expect(run.subtests).toEqual(['first', 'second'])
    expect(run.subtestArgument).toBe('run-tests')
    expect(run.files).toEqual(['fs/one.ktest', 'prelude.sh', 'test-libs.sh'])
  })

  test('takes the library that is there, and what that sources', async () => {
    const run = await staged(
      {
        'tests/fs/one.ktest': ofKtest,
        'tests/test-libs.sh': '. $(dirname $(readlink -e "${BASH_SOURCE[0]}"))/../lib/common.sh\n',
        'lib/common.sh':
          'config-mem() { ktest_mem=$1; }\nfor f in cpus scratch-devs timeout; do eval "config-$f() { :; }"; done\n' +
          'require-kernel-config() { :; }\nmain() { [ $1 = deps ] && echo "ktest_mem=$ktest_mem" || echo theirs; }\n',
      },
      'tests/fs/one.ktest',
    )
    expect(run.declaration).toMatchObject({ memoryMiB: 1024, cpus: 1 })
    expect(run.subtests).toEqual(['theirs'])
    expect(run.files).toEqual(['lib/common.sh', 'tests/fs/one.ktest', 'tests/test-libs.sh'])
  })

  test("asks what ktest's programs export, and finds what lies at the root of its tree", async () => {
    const run = await staged(
      {
        'tests/one.ktest': ofKtest.replace('/../test-libs.sh', '/test-libs.sh'),
        'tests/test-libs.sh': '. $(dirname $(readlink -e ${BASH_SOURCE[0]}))/prelude.sh\n. ./kconfig.sh\n',
        'tests/kconfig.sh':
          'set -o nounset\ncase $ktest_arch,$KERNEL_ARCH in x86_64,x86) config-mem 3G;; *) exit 1;; esac\n',
        'lib/common.sh': 'echo',
        'cross.conf': 'ARCH_TRIPLE_X86_64=x86_64-linux-gnu\n',
        'tests/prelude.sh':
          '. $(dirname $(readlink -e "${BASH_SOURCE[0]}"))/../lib/common.sh\n' +
          (await readFile(join(import.meta.dirname, '../../src/guest-run/guest/prelude.sh'), 'utf8')),
      },
      'tests/one.ktest',
    )
    expect(run.declaration).toMatchObject({ memoryMiB: 1024, cpus: 2 })
    expect(run.files).toEqual([
      'lib/common.sh',
      'tests/kconfig.sh',
      'tests/one.ktest',
      'tests/prelude.sh',
      'tests/test-libs.sh',
    ])
    const rooted = await staged(
      {
        'tests/one.sh': '#!/bin/bash\n. $(dirname $0)/../lib/common.sh\necho MEM=$size # deps\n',
        'lib/common.sh': 'ktest_dir=$(dirname ${BASH_SOURCE})/..\n. "$ktest_dir/cross.conf"\n',
        'cross.conf': 'size=128M\n',
      },
      'tests/one.sh',
    )
    expect(rooted.declaration.memoryMiB).toBe(128)
    expect(rooted.files).toEqual(['cross.conf', 'lib/common.sh', 'tests/one.sh'])
  })

  test('is called with init once, and ends what it has left running', async () => {
    const text = `#!/bin/bash
. $(dirname $(readlink -e "\${BASH_SOURCE[0]}"))/test-libs.sh
config-mem 128M
init_it() { echo counted; }
test_leaves() { antagonist_sync & sleep 600 & }
test_next() { true; }
main "$@"
`
    const { record, results } = await runHere(text)
    expect(record.verdict.outcome).toBe('success')
    expect(record.exitStatus).toBe(0)
    expect((await readFile(join(results, 'stdout.log'), 'utf8')).match(/^counted$/gm)).toHaveLength(1)
  })

  test('runs, its subtests each with their own status', async () => {
    const { record, results } = await runHere(ofKtest, {
      staging: { only: [] },
    })
    expect(record.subtests.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'first PASSED',
      'second FAILED',
    ])
    expect(record.verdict.outcome).toBe('failed')
    expect(await readFile(join(results, 'subtests/first/log'), 'utf8')).toContain('on /dev/sdb')
    expect(await readFile(join(results, 'stdout.log'), 'utf8')).not.toContain('never')
  })
})

describe("a test of ktest's middle form, which is sourced", () => {
  const cache = join(import.meta.dirname, 'ktest/middle')

  test('is asked, with the libraries that it requires', async () => {
    const [home, folder] = [scratchFolder(), scratchFolder()]
    await cp(cache, home, { recursive: true })
    const run = await stage(join(home, 'cache.ktest'), { folder })
    expect(run.declaration).toMatchObject({
      memoryMiB: 512,
      scratch: [2 ** 26, 2 ** 27],
      timeoutMs: 1_800_000,
    })
    expect(run.subtests).toEqual(['main'])
    expect(run.title).toBe('cache.ktest')
    expect(run.ktest?.kernelConfig).toEqual(['BLK_DEV_LOOP', 'EXT4_FS', 'CRYPTO_CRC32C_INTEL'])
    expect(run.files.map((file) => file.replace(/^.*\//, ''))).toEqual(
      expect.arrayContaining(['cache.ktest', 'middle-libs.sh', 'test-libs.sh', 'prelude.sh']),
    )
  })

  test('what it requires and is nowhere is a fault, as is what a guest run has not', async () => {
    const library = { 'libs.sh': 'require-container fedora\nconfig-nr-vms 2\n' }
    const text =
      '#!/bin/bash\nrequire-lib libs.sh\nrequire-bin gone-for-good\nconfig-mem 1G\nmain()\n{\n  true\n}\n'
    await expect(staged({ 'a.ktest': text, ...library }, 'a.ktest')).rejects.toMatchObject({
      faults: expect.arrayContaining([
        expect.stringContaining('containers are not supported'),
        expect.stringContaining('ktest_vms=2'),
        expect.stringContaining('gone-for-good is neither'),
      ]),
    })
    await expect(staged({ 'a.ktest': text }, 'a.ktest')).rejects.toThrow(/libs\.sh is not in/)
  })

  test('its functions test_… are subtests where it has no main', async () => {
    const text =
      '#!/bin/bash\nconfig-mem 128M\nconfig-timeout 30\ntest_a()\n{\n  true\n}\ntest_b() { false; }\n'
    const { record } = await runHere(text)
    expect(record.subtests.map(({ name, status }) => `${name} ${status}`)).toEqual(['a PASSED', 'b FAILED'])
  })
})
