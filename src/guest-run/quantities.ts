/** Sizes and durations as people write them in declarations. */

const factors: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** `512M`, `2G`, `1.5GiB`, `4096`: bytes, with binary units as QEMU has them. `undefined` for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? []
  if (digits === undefined) return undefined
  const bytes = Number(digits) * factors[unit!.toUpperCase()]!
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

const seconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 }
/** A run of more than a day is a mistake; so is one that ends before it begins. */
const longestMs = 86_400_000

/** `90`, `90s`, `10m`, `2h`: milliseconds. `undefined` for what is no duration between 1 s and a day. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([smh]?)$/i.exec(text.trim()) ?? []
  if (digits === undefined) return undefined
  const ms = Number(digits) * seconds[unit!.toLowerCase()]! * 1000
  return ms >= 1000 && ms <= longestMs ? ms : undefined
}

/** `536870912` → `512M`: the shortest of the forms that `parseSize` takes. */
export function sizeText(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = factors[unit]!
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return String(bytes)
}
