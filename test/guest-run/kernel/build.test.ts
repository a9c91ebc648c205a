import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { waitFor } from '../../../src/core/wait.ts'
import { type BuiltKernel, buildKernel, configureByHand } from '../../../src/guest-run/kernel/build.ts'
import { checkConfigTargets } from '../../../src/guest-run/kernel/make.ts'
import { requiredOptions } from '../../../src/guest-run/kernel/options.ts'
import { scratchFolder } from '../../scratch-folder.ts'

/** What the kernel's makefile does as far as a build of ours can tell: a line in `calls` per target, and its files. */
const makefile = `
defconfig:
\t@echo $@ >> $(O)/calls; echo CONFIG_OLD=y > $(O)/.config
olddefconfig:
\t@echo $@ >> $(O)/calls; [ ! -e refuse ] || sed -i '/CONFIG_EXT4_FS=/d' $(O)/.config
tinyconfig:
\t@echo $@ >> $(O)/calls; echo CONFIG_TINY=y > $(O)/.config
bzImage: main.c
\t@echo $@ >> $(O)/calls; ! grep ERROR main.c && mkdir -p $(O)/arch/x86/boot && cp main.c $(O)/arch/x86/boot/bzImage
modules:
\t@echo $@ >> $(O)/calls
modules_install:
\t@echo $@ >> $(O)/calls; mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.1
`

async function tree(): Promise<{ source: string; output: string; calls: () => Promise<string[]> }> {
  const folder = scratchFolder()
  const [source, output] = [join(folder, 'linux'), join(folder, 'out')]
  await mkdir(join(source, 'arch/x86'), { recursive: true })
  await writeFile(join(source, 'Makefile'), makefile)
  await writeFile(join(source, 'Kconfig'), requiredOptions.map(({ name }) => `config ${name}\n`).join(''))
  await writeFile(join(source, 'main.c'), 'one\n')
  await age(source)
  const calls = async (): Promise<string[]> => {
    const text = await readFile(join(output, 'calls'), 'utf8').catch(() => '')
    await rm(join(output, 'calls'), { force: true })
    return text.split('\n').filter(Boolean)
  }
  return { source, output, calls }
}

/** As if nobody had touched it for a minute. */
async function age(source: string): Promise<void> {
  const then = new Date(Date.now() - 60_000)
  for (const name of ['Makefile', 'Kconfig', 'main.c', 'arch/x86', 'arch', '.'])
    await utimes(join(source, name), then, then)
}

function build(
  of: { source: string; output: string },
  more: { config?: string; require?: readonly string[] } = {},
): Promise<BuiltKernel> {
  return buildKernel({ ...of, ...more, cacheFolder: '/nowhere', log: () => undefined })
}

describe('a kernel from its source', () => {
  test('is configured with what a guest needs, and built out of tree', async () => {
    const it = await tree()
    const { kernel, built } = await build(it)
    expect(built).toBe('now')
    expect(kernel).toEqual({ image: join(it.output, 'arch/x86/boot/bzImage') })
    expect(await it.calls()).toEqual(['defconfig', 'olddefconfig', 'bzImage'])
    const config = await readFile(join(it.output, '.config'), 'utf8')
    expect(config).toMatch(/^CONFIG_OLD=y\nCONFIG_64BIT=y\n/)
  })

  test('is not built again while nothing has changed, and is when a file has, or one has gone', async () => {
    const it = await tree()
    await writeFile(join(it.source, 'extra.h'), '')
    await age(it.source)
    await build(it)
    await it.calls()
    expect((await build(it)).built).toBe('before')
    expect(await it.calls()).toEqual([])
    await writeFile(join(it.source, 'main.c'), 'two\n')
    const { built, kernel } = await build(it)
    expect(built).toBe('now')
    expect(await readFile(kernel.image, 'utf8')).toBe('two\n')
    expect(await it.calls()).toEqual(['bzImage'])
    await rm(join(it.source, 'extra.h'))
    expect((await build(it)).built).toBe('now')
  })

  test('a change by hand of the configuration stays, and is built', async () => {
    const it = await tree()
    await build(it)
    await it.calls()
    const file = join(it.output, '.config')
    await writeFile(file, `${await readFile(file, 'utf8')}CONFIG_MINE=m\n`)
    const { kernel } = await build(it)
    expect(await it.calls()).toEqual(['bzImage', 'modules', 'modules_install'])
    expect(kernel.modules).toBe(join(it.output, 'dpbench-modules'))
    expect(await readFile(file, 'utf8')).toContain('CONFIG_MINE=m')
  })

  test('a given configuration is begun with, once', async () => {
    const it = await tree()
    const config = join(it.source, '../mine.config')
    await writeFile(config, 'CONFIG_MINE=y\n')
    await build(it, { config })
    expect(await it.calls()).toEqual(['olddefconfig', 'bzImage'])
    expect(await readFile(join(it.output, '.config'), 'utf8')).toContain('CONFIG_MINE=y')
    expect((await build(it, { config })).built).toBe('before')
  })

  test('an option that its kernel does not let be set is named', async () => {
    const it = await tree()
    await writeFile(join(it.source, 'refuse'), '')
    await expect(build(it)).rejects.toThrow(
      /CONFIG_EXT4_FS is not set, and a guest needs it built in \(the root/,
    )
  })

  test('what scripts require is merged too, and asked for again', async () => {
    const it = await tree()
    await build(it)
    await it.calls()
    await writeFile(join(it.source, 'Kconfig'), 'config MD\nconfig EXT4_FS\n')
    const require = ['MD', 'SCSI_DEBUG=m']
    await build(it, { require })
    expect(await it.calls()).toEqual(['olddefconfig', 'bzImage', 'modules', 'modules_install'])
    expect(await readFile(join(it.output, '.config'), 'utf8')).toContain('CONFIG_MD=y\nCONFIG_SCSI_DEBUG=m\n')
  })

  test('what the tree is built with and is not there is named, with its packages', async () => {
    const it = await tree()
    await mkdir(join(it.source, 'scripts/kconfig'), { recursive: true })
    await mkdir(join(it.source, 'init'))
    for (const name of ['scripts/kconfig/lexer.l', 'scripts/kconfig/parser.y', 'init/main.c'])
      await writeFile(join(it.source, name), '')
    const path = process.env['PATH']
    onTestFinished(() => void (process.env['PATH'] = path))
    process.env['PATH'] = scratchFolder()
    for (const name of ['make', 'gcc', 'ld']) await writeFile(join(process.env['PATH'], name), '')
    await expect(build(it)).rejects.toThrow(
      `the kernel of ${it.source} is built with flex, bison, which this machine lacks: apt-get install flex bison`,
    )
    expect(await it.calls()).toEqual([])
  })

  test.each(['SIGKILL', 'SIGTERM'] as const)('a build ends with who asked for it, by %s', async (name) => {
    const it = await tree()
    const compiler = join(it.source, 'cc')
    await writeFile(compiler, '#!/bin/sh\necho $$ > "$1"\nexec sleep 600\n')
    await chmod(compiler, 0o755)
    await writeFile(
      join(it.source, 'Makefile'),
      makefile.replace(/^bzImage: main.c\n.*$/m, 'bzImage:\n\t./cc $(O)/pid & wait'),
    )
    const modules = ['../../../src/guest-run/kernel/build.ts', '../../../bin/terminal.ts']
    const [kernel, terminal] = modules.map((each) => JSON.stringify(import.meta.resolve(each)))
    const program = `import { buildKernel } from ${kernel}; import { untilSignal } from ${terminal}
      const options = { ...${JSON.stringify(it)}, cacheFolder: '/nowhere', log: () => undefined }
      process.exitCode = await untilSignal(async (signal) => (await buildKernel({ ...options, signal }), 0))`
    const builder = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    const pid = await waitFor(
      async () => {
        const text = await readFile(join(it.output, 'pid'), 'utf8').catch(() => '')
        return text.endsWith('\n') ? { state: 'ready', value: Number(text) } : { state: 'pending' }
      },
      { what: 'the compiler', timeoutMs: 20_000 },
    )
    builder.kill(name)
    const [code] = await once(builder, 'close')
    expect(code).toBe(name === 'SIGTERM' ? 143 : null)
    await waitFor(
      async () => {
        // a process that nobody has waited for yet has ended too
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z')
        return stat.includes(') Z') ? { state: 'ready', value: true } : { state: 'pending' }
      },
      { what: 'its end', timeoutMs: 10_000 },
    )
  })

  test('a build that fails says what the compiler said, and the next one begins where it was', async () => {
    const it = await tree()
    await writeFile(join(it.source, 'main.c'), 'ERROR in this line\n')
    await expect(build(it)).rejects.toThrow(/make bzImage .*failed:[^]*ERROR in this line/)
    await writeFile(join(it.source, 'main.c'), 'right\n')
    expect((await build(it)).built).toBe('now')
  })

  test('configuration targets are make’s, in the same folder', async () => {
    const it = await tree()
    const options = { ...it, cacheFolder: '/nowhere', log: () => undefined }
    const called: string[][] = []
    await configureByHand(options, ['menuconfig'], async (argv) => {
      called.push([...argv])
      return 0
    })
    expect(called[0]).toEqual([
      'make',
      '-C',
      it.source,
      `O=${it.output}`,
      expect.stringMatching(/^-j\d+$/),
      'menuconfig',
    ])
  })

  test('targets that build or clean are not for the configuration', () => {
    expect(() => checkConfigTargets(['menuconfig', 'kvm_guest.config', 'oldconfig'])).not.toThrow()
    expect(() => checkConfigTargets(['mrproper', 'bzImage'])).toThrow(/^mrproper, bzImage: no target/)
  })

  test('a folder that is no source tree, and one that was built in', async () => {
    const it = await tree()
    await expect(build({ ...it, source: it.output })).rejects.toThrow(/--kernel-source .* cannot be read/)
    await rm(join(it.source, 'Kconfig'))
    await expect(build(it)).rejects.toThrow(/no source tree of a Linux kernel\n.*Kconfig is not there/)
    await writeFile(join(it.source, 'Kconfig'), '')
    await writeFile(join(it.source, '.config'), '')
    await expect(build(it)).rejects.toThrow(/mrproper/)
  })
})
