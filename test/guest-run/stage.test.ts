import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
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

describe("a test of ktest's", () => {
  test('is asked, though it comes without its library', async () => {
    const run = await staged({ 'tests/fs/one.ktest': ofKtest }, 'tests/fs/one.ktest')
    expect(run.declaration).toMatchObject({ memoryMiB: 1024, cpus: 2, scratch: [2 ** 26], timeoutMs: 30_000 })
    expect(run.subtests).toEqual(['first', 'second'])
    expect(run.subtestArgument).toBe('run-tests')
    expect(run.files).toEqual(['fs/one.ktest', 'test-libs.sh'])
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
