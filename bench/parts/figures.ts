/** Whether a figure of dpbench is the one that iperf3 gives to who types it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mean, median, sampleStandardDeviation } from 'simple-statistics'
import { z } from 'zod'
import { buildSoftplaneImage } from '../../lab/softplane/build.ts'
import { parseJson } from '../../src/core/json.ts'
import { studentTUpperQuantile } from '../../src/verdict/student-t.ts'
import type { Part } from '../part.ts'
import { makeProject } from '../project.ts'

const pairs = 10
const keptSeconds = 3

/** One measurement by the tool and as many commands by hand in turn, in one deployment, between the same guests. */
const suite = `
import { writeFileSync } from 'node:fs'
import { test } from 'dpbench'

const gbit = (values) => values.reduce((sum, each) => sum + each, 0) / values.length / 1e9
const typed = async (from, to) => {
  const server = to.ssh.run(['iperf3', '-s', '-1', '-J', '-p', '5301', '--idle-timeout', '30'])
  for (;;) {
    const { stdout } = await to.ssh.run(['ss', '-Hltn', 'sport = :5301'])
    if (stdout.trim() !== '') break
  }
  await from.ssh.run(['iperf3', '-c', to.overlayAddress('ipv4'), '-p', '5301', '-t', '${keptSeconds}', '-O', '1', '-J'])
  const { end } = JSON.parse((await server).stdout)
  return end.sum_received.bits_per_second
}
test('pairs', async ({ vm, traffic }) => {
  const tool = []
  const hand = []
  const measured = async () => {
    const { samples } = await traffic.iperf3({ from: vm.vm1, to: vm.vm2, family: 'ipv4', flows: 1 })
    tool.push(gbit(samples.map(({ receiver }) => receiver.bitsPerSecond)))
  }
  const byHand = async () => {
    const first = await typed(vm.vm1, vm.vm2)
    hand.push(gbit([first, await typed(vm.vm1, vm.vm2)]))
  }
  // first the one, then the other: what drifts, drifts for both
  for (let pair = 0; pair < ${pairs}; pair++) for (const each of pair % 2 ? [byHand, measured] : [measured, byHand]) await each()
  writeFileSync('pairs.json', JSON.stringify({ tool, hand }))
})
`

const schema = z.object({ tool: z.array(z.number()).length(pairs), hand: z.array(z.number()).length(pairs) })

export interface Agreement {
  /** Of the median pair, in percent, without its sign. */
  readonly apartPercent: number
  /** The mean difference of the pairs in its own standard errors: beyond `mostByChance` one side has a bias. */
  readonly standardErrors: number
  /** Of Student's t for these pairs: what 95 % of unbiased ones stay within. */
  readonly mostByChance: number
}

/** @throws RangeError for fewer than two pairs */
export function agreementOf(tool: readonly number[], hand: readonly number[]): Agreement {
  if (tool.length !== hand.length || tool.length < 2) throw new RangeError('two pairs are the least')
  const logs = tool.map((value, pair) => Math.log(value / hand[pair]!))
  const error = sampleStandardDeviation(logs) / Math.sqrt(logs.length)
  return {
    apartPercent: Math.abs(Math.exp(median(logs)) - 1) * 100,
    standardErrors: Math.abs(mean(logs)) / error,
    mostByChance: studentTUpperQuantile(0.025, logs.length - 1),
  }
}

export const parts: readonly Part[] = [
  {
    kind: 'row',
    name: 'figures',
    what: 'the throughput that is reported: one flow between two guests, without offload',
    against: 'the same `iperf3` commands typed by hand',
    unit: 'Gbit/s',
    rounds: pairs,
    reach: {
      text: 'the same within 2 % in the median of 10 pairs, without a bias',
      ratio: 'times as long',
      holds: () => true, // the pairs are held below, not the medians of the two sides
    },
    async prepare(stage) {
      const image = { build: buildSoftplaneImage }
      const lab = await stage.lab({ guests: 'namespace', hypervisors: 2, image })
      const measurement = {
        profile: 'quick',
        kept_seconds: keptSeconds,
        warm_up_seconds: 1,
        warm_down_seconds: 1,
        gap_seconds: 0,
        max_cov: 1,
        repetitions: { min: 2, max: 2 },
      }
      const project = await makeProject(stage, lab, { measurement, suites: { 'pairs.test.ts': suite } })
      await project.run('--mode', 'non-offload')
      const text = await readFile(join(project.folder, 'pairs.json'), 'utf8')
      const { tool, hand } = schema.parse(parseJson(text))
      const { apartPercent, standardErrors, mostByChance } = agreementOf(tool, hand)
      const [ours, theirs] = [tool.values(), hand.values()]
      const next = (values: ArrayIterator<number>): (() => Promise<number>) => {
        return () => Promise.resolve(values.next().value!)
      }
      return {
        ours: next(ours),
        peer: next(theirs),
        checks: () => [
          { name: 'how far the median pair is apart', value: apartPercent, unit: '%', limit: 2 },
          {
            name: 'bias: the mean difference of the pairs, in standard errors of it',
            value: standardErrors,
            unit: 'standard errors',
            limit: mostByChance,
          },
        ],
        notes: [
          'measured in one run, one deployment, the same guests, each side first in every other pair; a figure is the mean of two runs of iperf3 on both sides',
        ],
      }
    },
  },
]
