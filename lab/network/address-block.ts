/** Finds a management network that collides with no route of the machine and with no other lab. */
import ipaddr from 'ipaddr.js'
import { runLocally } from '../../src/core/local-command.ts'
import { UsageError } from '../../src/core/errors.ts'
import { labNames, readState } from '../state/state.ts'
import { helperEnvironment, labTag } from '../tag.ts'

/** 198.18.0.0/15 is set aside for benchmarks (RFC 2544, RFC 6890), so hardly anything else uses it; then private space. */
const candidates: readonly string[] = [
  ...range(256).map((third) => `198.18.${third}`),
  ...range(256).map((third) => `198.19.${third}`),
  ...range(256).map((third) => `10.213.${third}`),
]

/**
 * The first three bytes of a free /24. The same lab gets the same one as long as it is free.
 * @throws UsageError when the machine's routes cover all candidates.
 */
export async function chooseBlock(lab: string, signal: AbortSignal): Promise<string> {
  const [routes, blocks] = await Promise.all([machineRoutes(lab, signal), blocksOfOtherLabs(lab)])
  const free = candidates.filter(
    (block) => !blocks.has(block) && !routes.some((route) => overlaps(block, route)),
  )
  const first = Number.parseInt(labTag(lab), 36) % 256
  const chosen = free.find((block) => candidates.indexOf(block) >= first) ?? free[0]
  if (chosen === undefined) {
    throw new UsageError(
      'No /24 of 198.18.0.0/15 or 10.213.0.0/16 is free for the lab: the routes of this machine cover them all.',
    )
  }
  return chosen
}

type Route = readonly [ipaddr.IPv4, number]

/** Default routes cover everything and do not count. */
async function machineRoutes(lab: string, signal: AbortSignal): Promise<Route[]> {
  const { stdout } = await runLocally(['ip', '-4', '-json', 'route', 'show', 'table', 'all'], {
    env: helperEnvironment(lab),
    signal,
  })
  return (JSON.parse(stdout) as { dst: string }[])
    .map(({ dst }) => (dst.includes('/') ? dst : `${dst}/32`))
    .filter((dst) => /^[\d.]+\/\d+$/.test(dst))
    .map((dst) => ipaddr.IPv4.parseCIDR(dst))
    .filter(([, bits]) => bits > 0)
}

async function blocksOfOtherLabs(lab: string): Promise<Set<string>> {
  const others = (await labNames()).filter((name) => name !== lab)
  const states = await Promise.all(others.map(readState))
  return new Set(states.flatMap((state) => (state ? [state.block] : [])))
}

export function overlaps(block: string, [address, bits]: Route): boolean {
  const start = ipaddr.IPv4.parse(`${block}.0`)
  return start.match(address, Math.min(bits, 24)) || address.match(start, 24)
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index)
}
