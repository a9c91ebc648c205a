/** Measures one part: rounds in turn, then what they come to. */
import { asCircumstances, type Circumstances } from './circumstances.ts'
import type { Growth, Part, Prepared, Row } from './part.ts'
import type { GrowthResult, PartResult, RowResult } from './record.ts'
import type { Stage } from './stage.ts'
import { exponentOf, ratioOf, spreadOf, steepest } from './statistics.ts'

export function measurePart(part: Part, stage: Stage, where: Circumstances): Promise<PartResult> {
  return part.kind === 'row' ? measureRow(part, stage, where) : measureGrowth(part, stage, where)
}

async function measureRow(row: Row, stage: Stage, where: Circumstances): Promise<RowResult> {
  const prepared = await row.prepare(stage)
  const { ours, peer } = await inTurn(prepared, row, stage)
  const checks = (await prepared.checks?.()) ?? []
  const ratio = peer && (row.reach.ratio === 'times faster' ? ratioOf(peer, ours) : ratioOf(ours, peer))
  const held = checks.map((check) => ({ ...check, reached: check.value <= check.limit }))
  const reached =
    row.reach.holds({ ours: spreadOf(ours).median, ratio: ratio?.median }) &&
    held.every((each) => each.reached)
  return {
    kind: 'row',
    ...asCircumstances(row, where, prepared.notes),
    reached,
    against: row.against,
    ours: { values: [...ours], ...spreadOf(ours) },
    ...(peer ? { peer: { values: [...peer], ...spreadOf(peer) } } : {}),
    ...(ratio ? { ratio } : {}),
    ratioIs: row.reach.ratio,
    reach: row.reach.text,
    checks: held,
  }
}

/** Both in each round, and each of them first in every other one: what drifts on the machine meets both. */
async function inTurn(
  { ours, peer }: Prepared,
  { name, unit, rounds }: Row,
  { log, signal }: Stage,
): Promise<{ ours: number[]; peer: number[] | undefined }> {
  const [own, other]: [number[], number[]] = [[], []]
  const sides = [
    { who: 'dpbench', work: ours, values: own },
    ...(peer ? [{ who: 'against it', work: peer, values: other }] : []),
  ]
  for (let round = 0; round < rounds; round++) {
    for (const { who, work, values } of round % 2 === 0 ? sides : sides.toReversed()) {
      signal.throwIfAborted()
      const value = await work()
      values.push(value)
      log(`${name}: round ${round + 1} of ${rounds}, ${who}: ${value.toPrecision(3)} ${unit}`)
    }
  }
  return { ours: own, peer: peer && other }
}

/** All sizes in each round, upwards and downwards in turn. */
async function measureGrowth(growth: Growth, stage: Stage, where: Circumstances): Promise<GrowthResult> {
  const { name, axis, unit, sizes, rounds } = growth
  const { cost, notes } = await growth.prepare(stage)
  const costs = new Map(sizes.map((size) => [size, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      stage.signal.throwIfAborted()
      const value = await cost(size)
      costs.get(size)!.push(value)
      stage.log(`${name}: round ${round + 1} of ${rounds}, ${size} ${axis}: ${value.toPrecision(3)} ${unit}`)
    }
  }
  const points = sizes.map((size) => ({ size, ...spreadOf(costs.get(size)!) }))
  const exponent = exponentOf(points)
  return {
    kind: 'growth',
    ...asCircumstances(growth, where, notes),
    reached: exponent <= steepest,
    axis,
    points,
    exponent,
    limit: steepest,
  }
}
