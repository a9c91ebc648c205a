import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { consoleSince } from '../../src/machine/console-log.ts'
import { guestLog } from '../../src/machine/guest-log.ts'
import type { RemoteHost } from '../../src/transport/host.ts'
import { parseDomain } from '../../src/transport/libvirt/documents.ts'
import { LocalHost } from '../../src/transport/local-host.ts'
import { scratchFolder } from '../scratch-folder.ts'

test("a console's file is what libvirt writes the serial port to", () => {
  const domain = (devices: string): string => `<domain><name>vm1</name><devices>${devices}</devices></domain>`
  const log = "<serial type='pty'><log file='/images/vm1.log' append='on'/><target port='0'/></serial>"
  expect(parseDomain(domain(log)).consoleLog).toBe('/images/vm1.log')
  expect(parseDomain(domain("<serial type='pty'/><console type='pty'/>")).consoleLog).toBeUndefined()
  expect(parseDomain(domain(log.replaceAll('serial', 'console'))).consoleLog).toBe('/images/vm1.log')
})

test('of a console that is kept which was written since', async () => {
  const host = new LocalHost('hypervisor-1')
  const file = join(scratchFolder(), 'console.log')
  writeFileSync(file, 'booted\n')
  const mark = { file, bytes: 7 }
  expect(await consoleSince(host, mark)).toBe('== nothing was written during the run; before it:\nbooted\n')
  appendFileSync(file, 'panic\n')
  expect(await consoleSince(host, mark)).toBe('panic\n')
  writeFileSync(file, 'new\n') // rotated
  expect(await consoleSince(host, mark)).toBe('new\n')
  await expect(consoleSince(host, { file: `${file}.gone`, bytes: 0 })).rejects.toThrow('console.log.gone')
})

/** A guest with these programs beside the machine's own. */
function guestWith(programs: Readonly<Record<string, string>>): RemoteHost {
  const folder = join(scratchFolder(), 'bin')
  mkdirSync(folder)
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const host = new LocalHost('vm1')
  const run: RemoteHost['run'] = (argv, options) =>
    host.run(['env', `PATH=${folder}:${process.env['PATH']}`, ...argv], options)
  return { name: 'vm1', run, tryRun: run, writeFile: host.writeFile, readFile: host.readFile }
}

test('a journal is kept from as many seconds ago as the run took', async () => {
  const guest = guestWith({ journalctl: 'echo "asked $*"' })
  expect(await guestLog(guest, 41.2)).toMatch(/^asked .*--since=-42s\n$/)
})

test('without a journal, the messages of the kernel since the run began', async () => {
  const up = Number(execFileSync('cut', ['-d.', '-f1', '/proc/uptime'], { encoding: 'utf8' }))
  const lines = `'[%5d.000000] old\\n[%5d.000000] new\\n' ${up - 100} ${up - 5}`
  const text = await guestLog(guestWith({ journalctl: 'exit 1', dmesg: `printf ${lines}` }), 50)
  expect(text).toMatch(/== no journal; .*\n\[ *\d+\.000000\] new\n/)
  expect(text).not.toContain('old')
})
