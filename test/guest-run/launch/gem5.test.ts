import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Gem5Settings, gem5Arguments, gem5Launcher } from '../../../src/guest-run/launch/gem5.ts'
import type { GuestPlan } from '../../../src/guest-run/launcher.ts'
import { scratchFolder } from '../../scratch-folder.ts'

const settings: Gem5Settings = {
  program: '/gem5/build/X86/gem5.opt',
  config: '/gem5/configs/deprecated/example/fs.py',
  files: { disk: '/cache/guest.img', label: 'dpbench-root', init: '/init' },
  log: () => undefined,
}
const plan: GuestPlan = {
  name: 'one',
  memoryMiB: 2048,
  cpus: 2,
  scratch: [1 << 20],
  kernelArgs: ['quiet'],
  network: 'user',
  kernel: { image: '/k/vmlinux' },
}

describe('gem5', () => {
  test('gets kernel, disks, size and script as its example takes them', () => {
    const argv = gem5Arguments(plan, settings, { folder: '/run/one', files: '/run/files' })
    expect(argv.slice(0, -1)).toEqual([
      '/gem5/build/X86/gem5.opt',
      '--outdir=/run/one/m5out',
      '/gem5/configs/deprecated/example/fs.py',
      '--kernel=/k/vmlinux',
      '--disk-image=/cache/guest.img',
      '--disk-image=/run/one/scratch0.img',
      '--num-cpus=2',
      '--mem-size=2048MB',
      '--script=/run/files/run.sh',
    ])
    const line = argv.at(-1)!
    expect(line).toMatch(/^--command-line=.* root=\/dev\/sda1 .* quiet$/)
    expect(line).not.toContain('dpbench.server')
  })

  test('has no kernel of ours', () => {
    const { kernel: _, ...without } = plan
    expect(() => gem5Arguments(without, settings, { folder: '/f', files: '/f' })).toThrow(
      /give one by --kernel/,
    )
    const withInitrd = { ...plan, kernel: { image: '/k/vmlinux', initrd: '/k/initrd' } }
    expect(() => gem5Arguments(withInitrd, settings, { folder: '/f', files: '/f' })).toThrow(
      /without an initrd/,
    )
  })

  test('its terminal is the console, and its end the end of the guest; nothing is left', async () => {
    const folder = scratchFolder()
    const program = join(folder, 'gem5.opt')
    // stands for the simulator: finds its output folder as the real one does, and writes the terminal in two pieces
    await writeFile(
      program,
      '#!/bin/sh\nout=${1#--outdir=}; mkdir -p "$out"; printf "Linux ver" > "$out/system.pc.com_1.device"\n' +
        'sleep 0.4; echo sion 6 >> "$out/system.pc.com_1.device"; exit "${FAKE_STATUS:-0}"\n',
    )
    await chmod(program, 0o755)
    const place = join(folder, 'vm')
    await mkdir(place)
    const options = { folder: place, files: folder, port: 0, signal: new AbortController().signal }
    await using guest = await gem5Launcher({ ...settings, program }).start(plan, options)
    let said = ''
    for await (const piece of guest.console) said += piece
    expect(said).toBe('Linux version 6\n')
    expect(await guest.ended).toEqual({ how: 'powered-off' })
    await guest[Symbol.asyncDispose]()
    expect(await readdir(place)).toEqual([])
  })
})
