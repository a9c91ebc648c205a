import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { type HugepageFiles, addHugepages, removeHugepages } from '../../lab/hugepages.ts'
import { scratchFolder } from '../scratch-folder.ts'

/** A kernel that always has the memory. */
function files(before: number): HugepageFiles {
  const folder = scratchFolder()
  writeFileSync(join(folder, 'count'), `${before}\n`)
  return { count: join(folder, 'count'), share: join(folder, 'share.json') }
}
const { signal } = new AbortController()
const countOf = ({ count }: HugepageFiles): number => Number(readFileSync(count, 'utf8'))

test('a lab adds its share to what is there, and takes the same away, whatever others did', async () => {
  const lab = files(10)
  await addHugepages(lab, 2, signal)
  expect(countOf(lab)).toBe(330)
  writeFileSync(lab.count, '490') // another lab's
  await removeHugepages(lab)
  expect(countOf(lab)).toBe(170)
  await removeHugepages(lab)
  expect(countOf(lab)).toBe(170)
})

test('a share that was written down and never added is not taken away', async () => {
  const lab = files(10)
  writeFileSync(lab.share, JSON.stringify({ pages: 320, before: 10, added: false }))
  await removeHugepages(lab)
  expect(countOf(lab)).toBe(10)
  writeFileSync(lab.share, JSON.stringify({ pages: 320, before: 10, added: false }))
  writeFileSync(lab.count, '330')
  await removeHugepages(lab)
  expect(countOf(lab)).toBe(10)
})

test('a machine without such pages, or without the memory, is told so, and nothing is left', async () => {
  const lab = files(0)
  await expect(addHugepages({ ...lab, count: `${lab.count}.none` }, 2, signal)).rejects.toThrow(
    /needs 320 huge pages of 2 MB, and this kernel has none of that size/,
  )
  const poor = addHugepages({ ...lab, count: '/dev/null' }, 2, signal)
  await expect(poor).rejects.toThrow(UsageError)
  await expect(poor).rejects.toThrow(/the kernel found memory for 0 of them: free memory/)
  expect(existsSync(lab.share)).toBe(false)
})
