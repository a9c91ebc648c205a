/**
 * Hartigan's dip (Hartigan and Hartigan, "The dip test of unimodality", Annals of Statistics 13, 1985): how far the empirical
 * distribution lies from the nearest one with a single mode. It assumes no shape, and is judged against the uniform
 * distribution, the unimodal one that is hardest to tell from two modes; so a skewed or heavy-tailed figure raises
 * no false alarm, and with few values only modes that stand well apart are found. No kept npm package has it.
 */
import { ckmeans, mean } from 'simple-statistics'

/** Below five values even two values far from the others are no mode. */
const fewest = 5

/** Modes nearer to each other than this matter to nobody: it is the least regression, too. */
const leastDistance = 0.05

/**
 * The dip that samples of the uniform distribution exceed in 1 %: the table of Maechler's `diptest` (10⁶ samples each). 1 %,
 * because a run asks this of each of its scenarios.
 */
const critical: readonly (readonly [n: number, dip: number])[] = [
  [5, 0.1965],
  [6, 0.1919],
  [7, 0.1841],
  [8, 0.173],
  [9, 0.1642],
  [10, 0.1597],
  [15, 0.136],
  [20, 0.1206],
  [30, 0.1015],
  [50, 0.0812],
  [100, 0.059],
]

export interface TwoModes {
  readonly dip: number
  /** How many values each group has, and their mean: the lower group first. */
  readonly groups: readonly [ModeGroup, ModeGroup]
}

export interface ModeGroup {
  readonly n: number
  readonly mean: number
}

/** The two groups that the values fall into, where they do so (p < 0.01) and their means lie at least 5 % apart. */
export function findTwoModes(values: readonly number[]): TwoModes | undefined {
  if (values.length < fewest) return undefined
  const dip = dipOf(values)
  if (dip <= criticalDip(values.length)) return undefined
  const [low = [], high = []] = ckmeans([...values], 2)
  const group = (list: number[]): ModeGroup => ({ n: list.length, mean: mean(list) })
  const groups = [group(low), group(high)] as const
  return groups[1].mean - groups[0].mean < leastDistance * Math.abs(groups[1].mean)
    ? undefined
    : { dip, groups }
}

/** Between the table's sizes, and beyond them, √n · dip is nearly the same. */
export function criticalDip(n: number): number {
  const [smaller, larger] = [critical.findLast(([size]) => size <= n), critical.find(([size]) => size >= n)]
  const scaled = ([size, dip]: readonly [number, number]): number => dip * Math.sqrt(size)
  const [low, high] = [smaller ?? larger!, larger ?? smaller!]
  const part = high[0] === low[0] ? 0 : (n - low[0]) / (high[0] - low[0])
  return (scaled(low) + part * (scaled(high) - scaled(low))) / Math.sqrt(n)
}

interface Corner {
  readonly x: number
  readonly y: number
}

/** The dip of a sample: 1/(2n) for evenly spread values, 1/4 for two points with half of the values each. */
export function dipOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  // The steps of the distribution: at each distinct value from how many lie below it to how many do not lie above.
  const steps = [...new Set(sorted)].map((x) => ({
    x,
    below: sorted.indexOf(x),
    upTo: sorted.lastIndexOf(x) + 1,
  }))
  let [from, to] = [0, steps.length - 1]
  let largest = 1
  for (;;) {
    const part = steps.slice(from, to + 1)
    const minorant = hull(
      part.map(({ x, below }) => ({ x, y: below })),
      1,
    )
    const majorant = hull(
      part.map(({ x, upTo }) => ({ x, y: upTo })),
      -1,
    )
    const gapAt = (x: number): number => heightAt(majorant, x) - heightAt(minorant, x)
    const corners = [...minorant, ...majorant].map(({ x }) => x)
    const widest = corners.reduce((best, x) => (gapAt(x) > gapAt(best) ? x : best))
    const gap = gapAt(widest)
    if (gap <= largest) break
    // The mode lies between the corners of both hulls that enclose the widest gap.
    const isMinorant = minorant.some(({ x }) => x === widest)
    const start = isMinorant ? widest : minorant.findLast(({ x }) => x <= widest)!.x
    const end = isMinorant ? majorant.find(({ x }) => x >= widest)!.x : widest
    // At the mode itself the nearest distribution may jump.
    const left = part.filter(({ x }) => x < start).map(({ x, upTo }) => upTo - heightAt(minorant, x))
    const right = part.filter(({ x }) => x > end).map(({ x, below }) => heightAt(majorant, x) - below)
    largest = Math.max(largest, ...left, ...right)
    const inner = [steps.findIndex(({ x }) => x === start), steps.findIndex(({ x }) => x === end)] as const
    if (inner[0] === from && inner[1] === to) break
    ;[from, to] = inner
  }
  return largest / (2 * n)
}

/** The greatest convex minorant (`bend` 1) or the least concave majorant (−1) through the outer points. */
function hull(points: readonly Corner[], bend: 1 | -1): Corner[] {
  const kept: Corner[] = []
  for (const point of points) {
    while (kept.length > 1 && bend * turn(kept.at(-2)!, kept.at(-1)!, point) <= 0) kept.pop()
    kept.push(point)
  }
  return kept
}

function turn(a: Corner, b: Corner, c: Corner): number {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

function heightAt(corners: readonly Corner[], x: number): number {
  const after = Math.max(
    1,
    corners.findIndex((corner) => corner.x >= x),
  )
  const [a, b] = [corners[after - 1], corners[after]]
  if (!a || !b || x === a.x) return (a ?? b)!.y
  return x === b.x ? b.y : a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x)
}
