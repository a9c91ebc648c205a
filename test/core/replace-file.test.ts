/** A file is replaced whole, and stays whose and what it was. */
import {
  chmodSync,
  lstatSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { replaceFile } from '../../src/core/replace-file.ts'
import { scratchFolder } from '../scratch-folder.ts'

describe('replaceFile', () => {
  test.each([0o600, 0o644, 0o666, 0o440])('keeps mode %o', async (mode) => {
    const file = join(scratchFolder(), 'config.json')
    writeFileSync(file, 'old')
    chmodSync(file, mode)
    await replaceFile(file, 'new')
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['new', mode])
  })

  test('a link stays one', async () => {
    const folder = scratchFolder()
    writeFileSync(join(folder, 'target'), 'old')
    symlinkSync('target', join(folder, 'link'))
    await replaceFile(join(folder, 'link'), 'new')
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('new')
    expect(readdirSync(folder).sort()).toEqual(['link', 'target'])
  })

  test('leaves nothing when it cannot', async () => {
    const folder = scratchFolder()
    writeFileSync(join(folder, 'is a folder'), '')
    await expect(replaceFile(join(folder, 'is a folder', 'x'), 'new')).rejects.toThrow()
    expect(readdirSync(folder)).toEqual(['is a folder'])
  })
})
