/** Figures as people read them: Gbit/s (10⁹ bits), percent. Everything else in dpbench keeps bits per second. */

/** `9.41`, `0.372`, `25.0`, `118`: three digits, or as many as asked for behind the point. */
export function formatGbit(bitsPerSecond: number, decimals = decimalsFor(bitsPerSecond / 1e9, 3)): string {
  return (bitsPerSecond / 1e9).toFixed(decimals)
}

/** A threshold as it stands in the config: `8`, `0.35`. */
export function formatExpected(bitsPerSecond: number): string {
  return String(Number((bitsPerSecond / 1e9).toPrecision(6)))
}

/** `9.41 ± 0.12`, `9.410 ± 0.009`: both with the same decimals, 3 digits of the mean, and one more for a narrow interval. */
export function formatMeanGbit(mean: number, halfWidth: number | null): string {
  const meanDecimals = decimalsFor(mean / 1e9, 3)
  if (!halfWidth)
    return formatGbit(mean, meanDecimals) + (halfWidth === 0 ? ` ± ${formatGbit(0, meanDecimals)}` : '')
  const decimals = Math.min(meanDecimals + 1, Math.max(meanDecimals, decimalsFor(halfWidth / 1e9, 2)))
  return `${formatGbit(mean, decimals)} ± ${formatGbit(halfWidth, decimals)}`
}

/** `1,234,567`. By hand, as the first use of a locale costs 50 ms, which is a tenth of what a command may take to start. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** A fraction as `1.2 %`. */
export function formatPercent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)} %`
}

/** A fraction as `+17.6 %` or `-9.9 %`. */
export function formatSignedPercent(fraction: number): string {
  const percent = (Math.abs(fraction) * 100).toFixed(1)
  return `${fraction < 0 && Number(percent) > 0 ? '-' : '+'}${percent} %`
}

/** Decimals with which `value` shows that many digits, at most 6. */
function decimalsFor(value: number, digits: number): number {
  if (value === 0) return digits - 1
  return Math.min(6, Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value)))))
}
