/** Figures of any unit as people read them: `9.41 ± 0.12 Gbit/s`, `0.12 ± 0.03 %`, `84 ± 6 µs`, `412 ± 9 kpackets/s`. */
import type { MetricUnit } from './metric.ts'

type Scale = readonly [factor: number, name: string]

/** The largest first. */
const scales: Record<MetricUnit, readonly Scale[]> = {
  'bit/s': [
    [1e9, 'Gbit/s'],
    [1e6, 'Mbit/s'],
    [1e3, 'kbit/s'],
  ],
  s: [
    [1, 's'],
    [1e-3, 'ms'],
    [1e-6, 'µs'],
  ],
  'packets/s': [
    [1e6, 'Mpackets/s'],
    [1e3, 'kpackets/s'],
    [1, 'packets/s'],
  ],
  'transactions/s': [
    [1e3, 'ktransactions/s'],
    [1, 'transactions/s'],
  ],
  packets: [[1, 'packets']],
  fraction: [[0.01, '%']],
}

/** Three digits of the value; the half width of its interval with the same decimals, one more where it is narrow. */
export function formatFigure(value: number, halfWidth: number | null, unit: MetricUnit): string {
  const [factor, name] = scaleOf(Math.max(Math.abs(value), value === 0 ? (halfWidth ?? 0) : 0), unit)
  const [shown, half] = [value / factor, halfWidth === null ? null : halfWidth / factor]
  const decimals = decimalsFor(shown)
  if (half === null) return `${shown.toFixed(decimals)} ${name}`
  const both = half > 0 && Number(half.toFixed(decimals)) === 0 ? decimals + 1 : decimals
  return `${shown.toFixed(both)} ± ${half.toFixed(both)} ${name}`
}

function scaleOf(size: number, unit: MetricUnit): Scale {
  const list = scales[unit]
  return list.find(([factor]) => size >= factor) ?? list.at(-1)!
}

function decimalsFor(value: number): number {
  return value === 0 ? 2 : Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))))
}

/** A threshold as it stands in the config: `8 Gbit/s`, `0.5 %`. */
export function formatBound(value: number, unit: MetricUnit): string {
  const [factor, name] = scaleOf(value, unit)
  return `${Number((value / factor).toPrecision(6))} ${name}`
}
