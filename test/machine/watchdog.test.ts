import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newConsoleText } from '../../src/machine/console-log.ts'
import { KernelWatch, refuseTrouble } from '../../src/machine/watchdog.ts'
import { LocalHost } from '../../src/transport/local-host.ts'
import type { RemoteHost } from '../../src/transport/host.ts'
import { scratchFolder } from '../scratch-folder.ts'

const panic = '[   41.103021] Kernel panic - not syncing: sysrq triggered crash'

/** A hypervisor whose virsh knows one domain, with its console in `file`. */
function watched(file: string): KernelWatch {
  const host = new LocalHost('hypervisor-1')
  const tryRun: RemoteHost['tryRun'] = async (argv, options) => {
    if (!argv.includes('dumpxml')) return host.tryRun(argv, options)
    const stdout = `<domain><name>vm1</name><devices><serial type='pty'><log file='${file}'/></serial></devices></domain>`
    return { ...(await host.tryRun(['true'])), stdout }
  }
  const ssh: RemoteHost = {
    name: host.name,
    tryRun,
    run: host.run.bind(host),
    writeFile: host.writeFile,
    readFile: host.readFile,
  }
  return KernelWatch.ofGuest({ name: 'vm1', hypervisor: { ssh } })
}

test('what a kernel said before the watch began is not told; what it says after is, once', async () => {
  const file = join(scratchFolder(), 'console.log')
  writeFileSync(file, `${panic} before\n`)
  const watch = watched(file)
  await watch.begin()
  await watch.refuse()
  appendFileSync(file, '[   41.0] fine\n[   41.103021] Kernel panic - not sy')
  await watch.refuse()
  appendFileSync(file, 'ncing: in two pieces\n')
  await expect(refuseTrouble([watch])).rejects.toThrow(
    'vm1: its kernel reports trouble (panic):\n  [   41.103021] Kernel panic - not syncing: in two pieces',
  )
  await watch.refuse()
  appendFileSync(file, `${panic}\n`)
  expect(await watch.take()).toMatchObject([{ kind: 'panic' }])
  await refuseTrouble([watch]) // what was taken fails nothing
})

test('of a file that was begun anew while it was watched the part before counts too', async () => {
  const host = new LocalHost('hypervisor-1')
  const file = join(scratchFolder(), 'console.log')
  writeFileSync(`${file}.0`, 'before\nafter the mark\n')
  writeFileSync(file, 'new\n')
  const { text, mark } = await newConsoleText(host, { file, bytes: 7 })
  expect(text).toBe('after the mark\nnew\n')
  expect(mark).toEqual({ file, bytes: 4 })
  appendFileSync(file, 'ü\n')
  expect(await newConsoleText(host, mark)).toEqual({ text: 'ü\n', mark: { file, bytes: 7 } })
})
