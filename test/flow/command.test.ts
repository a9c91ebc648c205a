/** `dpbench flow` at the command line: what is refused, what is aggregated. No machine is reached. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tryLocally } from '../../src/core/local-command.ts'
import { scratchFolder } from '../scratch-folder.ts'

const dpbench = join(import.meta.dirname, '../../bin/dpbench.ts')

async function flow(folder: string, ...argv: string[]) {
  const { exitCode, stdout, stderr } = await tryLocally([process.execPath, dpbench, 'flow', ...argv], {
    cwd: folder,
  })
  return { exitCode, text: stdout + stderr }
}

describe('dpbench flow', () => {
  test('tells all faults of the options at once: exit 2', async () => {
    const { exitCode, text } = await flow(
      await scratchFolder(),
      '--to',
      'vm1',
      '--flow-count',
      '1,zero',
      '--run-time',
      '0',
      '--payload-length',
      '20',
      '--docker-image',
      'x',
    )
    expect(exitCode).toBe(2)
    for (const part of [
      '--from is missing',
      '"zero"',
      '--run-time is "0"',
      'below 88',
      '--docker-image deploys',
    ])
      expect(text).toContain(part)
  })

  test.each([
    [['--form', 'vm1'], 'did you mean --from?'],
    [['client', '--server-ip', 'here'], '--server-ip is "here"'],
    [['server'], '--server-ip is missing'],
    [['aggregate'], 'no table is named'],
    [['aggregate', 'nothing.csv'], 'nothing.csv cannot be read'],
  ])('%j is refused with a sentence: exit 2', async (argv, sentence) => {
    const { exitCode, text } = await flow(await scratchFolder(), ...argv)
    expect(text).toContain(sentence)
    expect(exitCode).toBe(2)
  })

  test('overwrites nothing: exit 2 before anything is reached', async () => {
    const folder = await scratchFolder()
    await writeFile(join(folder, 'x_3_1.csv'), 'mine')
    await mkdir(join(folder, 'x_raw'))
    const { exitCode, text } = await flow(
      folder,
      'client',
      '--server-ip',
      '127.0.0.1',
      '--flow-count',
      '3',
      '--output-file-prefix',
      'x',
    )
    expect(exitCode).toBe(2)
    expect(text).toContain('x_3_1.csv, x_raw: there already')
    expect(await readFile(join(folder, 'x_3_1.csv'), 'utf8')).toBe('mine')
  })

  test('sums up tables of several calls, and an invalid round makes it 3', async () => {
    const folder = await scratchFolder()
    const header = 'Flow Count,Round Number,Throughput Mbps,Throughput Gbps'
    await writeFile(join(folder, 'a_1_2.csv'), `${header}\n1,0,1000.00,1.000\n1,1,1200.00,1.200\n`)
    await writeFile(join(folder, 'a_2_2.csv'), `${header}\n2,1,2000.00,2.000\n2,2,,\n`)
    const good = await flow(folder, 'aggregate', 'a_1_2.csv', '--output-file-prefix', 'one')
    expect(good.exitCode, good.text).toBe(0)
    const { exitCode, text } = await flow(
      folder,
      'aggregate',
      'a_2_2.csv',
      'a_1_2.csv',
      '--output-file-prefix',
      'all',
    )
    expect(exitCode, text).toBe(3)
    expect(text).toContain('1 flow: 1.10 ± 1.27 Gbit/s')
    expect(text).toContain('2 flows: 2.00 Gbit/s, no CoV, 1 of 2 rounds valid')
    expect(await readFile(join(folder, 'all.csv'), 'utf8')).toBe(
      `${header}\n1,0,1000.00,1.000\n1,1,1200.00,1.200\n2,1,2000.00,2.000\n2,2,,\n`,
    )
    expect(await readFile(join(folder, 'all.svg'), 'utf8')).toMatch(/^<svg role="img"/)
  })
})
