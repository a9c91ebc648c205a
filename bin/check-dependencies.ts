/**
 * A part of `npm run check`: licences, hashes and install scripts of the packages in package-lock.json, and known weaknesses
 * where the registry tells them. `--write` writes docs/licences.md anew (`npm run licences`).
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { audit } from './dependencies/audit.ts'
import { licencePage, lockFaults, lockedPackages } from './dependencies/lock.ts'

const root = join(import.meta.dirname, '..')
const read = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(root, name), 'utf8')) as unknown
const page = join(root, 'docs/licences.md')

const packages = lockedPackages(await read('package-lock.json'))
const { allowScripts } = (await read('package.json')) as { allowScripts: Record<string, boolean> }
const faults = lockFaults(packages, allowScripts)

if (process.argv.includes('--write')) await writeFile(page, licencePage(packages))
else if ((await readFile(page, 'utf8').catch(() => '')) !== licencePage(packages))
  faults.push('docs/licences.md is not that of package-lock.json: type npm run licences')

const audited = await audit(root)
if (audited.state === 'skipped') process.stderr.write(`npm audit was skipped: ${audited.why}\n`)
else faults.push(...audited.findings.map((finding) => `known weakness: ${finding}: npm audit says more`))

for (const fault of faults) process.stderr.write(`✖ ${fault}\n`)
if (faults.length > 0) process.exit(1)
process.stdout.write(`${packages.length} packages: licences, hashes and install scripts are in order\n`)
