import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { writeRunScript } from '../../src/guest-run/run-script.ts'
import { stage } from '../../src/guest-run/stage.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { processLauncher } from './support/process-guest.ts'
import { runHere } from './support/run-here.ts'

const service = resolve('src/guest-run/guest/service.sh')

// another /proc/cpuinfo needs a mount namespace
test.skipIf(process.getuid?.() !== 0)(
  'in gem5 the script comes by m5 readfile, whole, and the output goes by m5 writefile',
  async () => {
    const [home, folder] = [scratchFolder(), scratchFolder()]
    const out = join(home, 'out')
    await mkdir(out)
    await writeFile(join(home, 'helper'), '#!/bin/sh\necho helped\n', { mode: 0o755 })
    await writeFile(
      join(home, 'a.sh'),
      '#!/bin/sh\n# MEM=256M\n# REQUIRE=helper\nhelper; echo TEST SUCCESS\n',
    )
    const staged = await stage(join(home, 'a.sh'), { folder })
    await writeRunScript(staged, { port: 1, failFast: false, embed: true })
    await writeFile(join(home, 'cpuinfo'), 'processor\t: 0\nvendor_id\t: M5 Simulator\n\n')
    await writeFile(
      join(home, 'm5'),
      `#!/bin/sh\necho "$1" >> ${out}/calls\ncase $1 in readfile) cat ${folder}/run.sh ;; writefile) cp "$2" "${out}/$3" ;; esac\n`,
      { mode: 0o755 },
    )
    execFileSync(
      'unshare',
      ['--mount', 'sh', '-c', `mount --bind ${home}/cpuinfo /proc/cpuinfo && exec sh ${service}`],
      {
        env: {
          PATH: `${home}:${process.env['PATH']}`,
          DPBENCH_CMDLINE: '',
          DPBENCH_SCRIPT: join(home, 'fetched.sh'),
          DPBENCH_WORK: join(home, 'work'),
        },
      },
    )
    expect(await readFile(join(out, 'stdout.log'), 'utf8')).toBe('helped\nTEST SUCCESS\n')
    expect(await readFile(join(out, 'calls'), 'utf8')).toBe('readfile\nwritefile\nexit\n')
    expect(existsSync(join(home, 'work/files/helper'))).toBe(true)
  },
)

test('without curl, wget fetches and sends', async () => {
  const { record, results } = await runHere('echo sent > "$DPBENCH_RESULTS/file"; echo TEST SUCCESS', {
    launcher: processLauncher({ without: ['curl'] }),
  })
  expect(record.verdict.outcome).toBe('success')
  expect(record.exitStatus).toBe(0)
  expect(await readFile(join(results, 'uploads/file'), 'utf8')).toBe('sent\n')
})
