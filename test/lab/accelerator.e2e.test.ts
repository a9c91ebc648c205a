import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { probeAccelerator } from '../../lab/accelerator.ts'
import { type GuestImage, buildGuestImage } from '../../lab/image/build.ts'

describe.skipIf(process.getuid?.() !== 0)('the accelerator probe (needs root)', () => {
  let image: GuestImage
  let cacheDir: string

  beforeAll(async () => {
    image = await buildGuestImage({ log: () => undefined })
    cacheDir = await mkdtemp(join(tmpdir(), 'dpbench-accelerator-'))
  }, 900_000)

  afterAll(async () => await rm(cacheDir, { recursive: true, force: true }))

  test('boots once, remembers, and boots again on another machine', { timeout: 180_000 }, async () => {
    const file = join(cacheDir, 'accelerator.json')
    const said: string[] = []
    const options = { image: image.path, cacheDir, log: (line: string) => void said.push(line) }
    const first = await probeAccelerator(options)
    expect(['kvm', 'qemu']).toContain(first)
    expect(said.length).toBeGreaterThan(0)

    const remembered = JSON.parse(await readFile(file, 'utf8')) as { machine: string; domainType: string }
    expect(remembered.domainType).toBe(first)
    said.length = 0
    expect(await probeAccelerator(options)).toBe(first)
    expect(said).toEqual([])

    const other = first === 'kvm' ? 'qemu' : 'kvm'
    await writeFile(file, JSON.stringify({ ...remembered, domainType: other, machine: 'another' }))
    expect(await probeAccelerator(options)).toBe(first)
    expect(said.length).toBeGreaterThan(0)
  })

  test('an emulator that cannot start a kernel is no accelerator', { timeout: 180_000 }, async () => {
    const folder = await mkdtemp(join(cacheDir, 'other-'))
    const said: string[] = []
    const log = (line: string): void => void said.push(line)
    const nothing = join(folder, 'guest.img')
    expect(await probeAccelerator({ image: nothing, cacheDir: folder, log })).toBe('qemu')
    expect(said.at(-1)).toMatch(/^guests are emulated: /)
  })
})
