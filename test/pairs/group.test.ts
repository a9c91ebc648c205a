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
    expect(group.pairs.map(({ name }) => name)).toEqual(['a_x_r', 'b_x_r', 'helper_x_r', 'linked_x_r'])
    expect(group.hooks).toEqual(['before_first_test_local'])
    expect(group.shipped).toEqual(['group'])
    expect(group.remarks).toEqual([
      'skipped: local/data.txt: not executable',
      'skipped: local/outside: a link that leaves the group',
      'skipped: remote/dangling: a link to nothing',
      'skipped: remote/off: not executable',
      'skipped: after_last_test_remote: not executable',
      'skipped: before_first_test: no hook is called so, before_first_test_local perhaps',
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

  test('has programs in folders below, as mirage-bench finds them; those of one name are told apart', async () => {
    const folder = await groupOf({
      'local/x/a': script,
      'local/y/a': script,
      'local/y/deep/b': script,
      'local/y/data': 'x',
      'remote/a': script,
      'remote/.hidden/r': script,
    })
    await symlink('y', join(folder, 'local/link'))
    const { pairs, remarks } = readGroup(folder)
    expect(pairs.map(({ local, remote, name }) => [local, remote, name])).toEqual([
      ['x/a', '.hidden/r', 'x-a_x_r'],
      ['x/a', 'a', 'x-a_x_a'],
      ['y/a', '.hidden/r', 'y-a_x_r'],
      ['y/a', 'a', 'y-a_x_a'],
      ['y/deep/b', '.hidden/r', 'b_x_r'],
      ['y/deep/b', 'a', 'b_x_a'],
    ])
    expect(remarks).toEqual([
      'skipped: local/link: a link to a folder',
      'skipped: local/y/data: not executable',
      'local/x/a: its pairs are called x-a, another program has its name',
      'local/y/a: its pairs are called y-a, another program has its name',
    ])
  })

  test('has programs of any name but one that no folder can have', async () => {
    const odd = ['-n', 'a b', "it's", '$(id)', 'new\nline', 'ü', '*']
    const folder = await groupOf({
      ...Object.fromEntries(odd.map((name) => [`local/${name}`, script])),
      'remote/r': script,
    })
    expect(
      readGroup(folder)
        .pairs.map(({ local }) => local)
        .toSorted(),
    ).toEqual(odd.toSorted())
    const long = await groupOf({ [`local/${'l'.repeat(200)}`]: script, [`remote/${'r'.repeat(53)}`]: script })
    expect(() => readGroup(long)).toThrow(/no folder can be called l+_x_r+, it has more than 255 bytes/)
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
