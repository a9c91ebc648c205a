/** What a folder must have to be a group, and what is passed over in one. */
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readGroup } from '../../src/pairs/group.ts'
import { bash, groupOf } from './support.ts'

const script = bash('exit 0')

describe('a group', () => {
  test('has each local program with each remote one, and its hooks; the rest is passed over', async () => {
    const folder = await groupOf({
      'local/b': script,
      'local/a': script,
      'local/lib/helper': script,
      'local/data.txt': 'x',
      'remote/r': script,
      'remote/off': 'x',
      before_first_test_local: script,
      after_last_test_remote: 'x',
      before_first_test: script,
    })
    await symlink('a', join(folder, 'local/linked'))
    await symlink('/bin/true', join(folder, 'local/outside'))
    await symlink('nowhere', join(folder, 'remote/dangling'))
    const group = readGroup(folder)
    expect(group.name).toBe('group')
    expect(group.pairs.map(({ name }) => name)).toEqual(['a_x_r', 'b_x_r', 'linked_x_r'])
    expect(group.hooks).toEqual(['before_first_test_local'])
    expect(group.shipped).toEqual(['group'])
    expect(group.skipped).toEqual([
      'local/data.txt: not executable',
      'local/outside: a link that leaves the group',
      'remote/dangling: a link to nothing',
      'remote/off: not executable',
      'after_last_test_remote: not executable',
      'before_first_test: no hook is called so, before_first_test_local perhaps',
    ])
  })

  test('with two faults says both', async () => {
    const folder = await groupOf({ 'local/a': 'not executable' })
    expect(() => readGroup(folder)).toThrow(
      `${folder}/local has no executable program: put one there, and chmod +x it\n` +
        `${folder} has no folder remote/: put the programs of the remote machine there`,
    )
  })

  test('whose pairs could not be told apart is refused', async () => {
    const folder = await groupOf({
      'local/a': script,
      'local/a_x_b': script,
      'remote/c': script,
      'remote/b_x_c': script,
    })
    expect(() => readGroup(folder)).toThrow(
      `${folder} has two pairs that are called a_x_b_x_c: rename a program`,
    )
  })

  test('that is not there, or no folder, is refused', async () => {
    const folder = await groupOf({ 'local/a': script })
    expect(() => readGroup(`${folder}s`)).toThrow(`there is no folder ${folder}s`)
    expect(() => readGroup(join(folder, 'local/a'))).toThrow('is no folder')
  })

  test('in a checkout of mirage-bench comes with what lies beside it, but results and history', async () => {
    const folder = await groupOf({
      'local/a': script,
      'remote/a': script,
      '../run_test.sh': script,
      '../lib.sh': 'x',
    })
    await mkdir(join(folder, '../results'))
    await mkdir(join(folder, '../.git'))
    expect([...readGroup(folder).shipped].toSorted()).toEqual(['group', 'lib.sh', 'run_test.sh'])
  })
})
