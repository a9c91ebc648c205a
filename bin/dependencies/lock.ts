/** What package-lock.json says of the packages that dpbench is made with: licences, install scripts, hashes. Pure. */
import { z } from 'zod'

const lockSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
      dev: z.boolean().optional(),
      devOptional: z.boolean().optional(),
    }),
  ),
})

export interface LockedPackage {
  readonly name: string
  readonly version: string
  readonly license: string | undefined
  readonly hasHash: boolean
  readonly hasInstallScript: boolean
  /** Comes with dpbench to its users; the others are for work on it alone. */
  readonly shipped: boolean
}

/** Packages whose manifest has the older field `licenses`, which the lock leaves out; looked up there. */
const olderManifests = new Map([
  ['ssh2', 'MIT'],
  ['cpu-features', 'MIT'],
  ['buildcheck', 'MIT'],
])

/** That this project, under Apache-2.0, may be made with; MPL-2.0 only for packages that are not shipped. */
const taken = [
  'MIT',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'Unlicense',
  'CC0-1.0',
  'BlueOak-1.0.0',
]
const takenForWork = [...taken, 'MPL-2.0', 'CC-BY-4.0', 'Python-2.0']

/** Sorted by name and version, each once. @throws ZodError for what is no lock file */
export function lockedPackages(lock: unknown): LockedPackage[] {
  const entries = Object.entries(lockSchema.parse(lock).packages).filter(([place]) => place !== '')
  const packages = entries.map(([place, each]): LockedPackage => {
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return {
      name,
      version: each.version ?? '',
      license: each.license ?? olderManifests.get(name),
      hasHash: each.integrity !== undefined,
      hasInstallScript: each.hasInstallScript === true,
      shipped: each.dev !== true && each.devOptional !== true,
    }
  })
  const unique = new Map(packages.map((each) => [`${each.name}@${each.version}`, each]))
  return [...unique.values()].sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1))
}

/** Licences that are missing or not taken, packages without a hash, install scripts that nobody decided about. */
export function lockFaults(
  packages: readonly LockedPackage[],
  allowScripts: Readonly<Record<string, boolean>>,
): string[] {
  const faults: string[] = []
  for (const { name, version, license, hasHash, hasInstallScript, shipped } of packages) {
    const which = `${name}@${version}`
    const allowed = shipped ? taken : takenForWork
    if (license === undefined)
      faults.push(`${which} has no licence in package-lock.json: look into its manifest`)
    else if (!license.split(/ OR |[()]/).some((each) => allowed.includes(each.trim())))
      faults.push(`${which} is under ${license}, which is not among ${allowed.join(', ')}`)
    if (!hasHash) faults.push(`${which} has no hash ("integrity") in package-lock.json`)
    if (hasInstallScript && !Object.hasOwn(allowScripts, name))
      faults.push(`${which} has an install script: allow or deny it in "allowScripts" of package.json`)
  }
  const scripted = packages.filter((each) => each.hasInstallScript).map(({ name }) => name)
  for (const name of Object.keys(allowScripts))
    if (!scripted.includes(name))
      faults.push(`"allowScripts" of package.json names ${name}, which has no install script`)
  return faults
}

/** docs/licences.md. */
export function licencePage(packages: readonly LockedPackage[]): string {
  const table = (list: readonly LockedPackage[]): string =>
    ['| package | version | licence |', '|---|---|---|']
      .concat(list.map(({ name, version, license }) => `| ${name} | ${version} | ${license ?? 'unknown'} |`))
      .join('\n')
  return `# Licences of the packages that dpbench is made with

Written from package-lock.json by \`npm run licences\`; \`npm run check\` fails when it is out of date. dpbench itself is under
Apache-2.0 ([LICENSE](../LICENSE)).

## With dpbench, on its users' machines

${table(packages.filter(({ shipped }) => shipped))}

## For work on dpbench

${table(packages.filter(({ shipped }) => !shipped))}
`
}
