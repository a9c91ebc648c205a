/** Which Node runs this: npm only warns about an older one. */
import { UsageError } from './errors.ts'

const least = [22, 12] as const

/** @throws UsageError when this Node is older than `engines` of package.json asks for */
export function requireNode(version: string = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > least[0] || (major === least[0] && minor >= least[1])) return
  throw new UsageError(
    `dpbench needs Node ${least.join('.')} or newer, and this is ${version}: install a newer one`,
  )
}
