/**
 * `npm run build`: the package, in dist/ (or in the folder that is named), for `npm pack ./dist`. Programs are compiled, as Node runs no .ts below
 * node_modules; softplane's own are copied, as they run in its container. This repository's `vitest` command is left out:
 * in another project it would stand in the way of Vitest's own.
 */
import { spawnSync } from 'node:child_process'
import { chmod, cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = resolve(process.argv[2] ?? join(root, 'dist'))
const rooms = ['src', 'provision', 'lab', 'bin']
const asTheyAre = ['lab/softplane/image', 'config/schema.json', 'config/examples']
const documents = ['README.md', 'CHANGELOG.md', 'LICENSE']
const command = 'bin/dpbench.js'

await rm(dist, { recursive: true, force: true })
const compiler = join(root, 'node_modules/typescript/bin/tsc')
const project = ['-p', join(root, 'tsconfig.build.json'), '--outDir', dist]
const { status } = spawnSync(process.execPath, [compiler, ...project], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

for (const room of rooms) {
  await cp(join(root, room), join(dist, room), { recursive: true, filter: isAsset })
}
for (const path of [...asTheyAre, ...documents]) {
  await cp(join(root, path), join(dist, path), { recursive: true })
}
await chmod(join(dist, command), 0o755)
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest
await writeFile(join(dist, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
process.stdout.write(`built ${manifest.name} ${manifest.version}; pack it with: npm pack ${dist}\n`)

interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

function isAsset(path: string): boolean {
  const name = relative(root, path)
  return !name.endsWith('.ts') && !asTheyAre.includes(name) && name !== 'bin/bootstrap.sh'
}

/** The manifest of the package: what only this repository needs is gone, and sources have become programs. */
function published({ name, version, ...own }: Manifest): object {
  const { description, license, type, engines, dependencies } = own
  const vitestMajor = own.devDependencies['vitest']!.split('.')[0]
  return {
    name,
    version,
    description,
    keywords: ['benchmark', 'dpservice', 'iperf3', 'libvirt', 'vitest'],
    license,
    type,
    engines,
    exports: Object.fromEntries(Object.entries(own.exports).map(([key, path]) => [key, builtExport(path)])),
    bin: { [name]: `./${command}` },
    files: [...rooms, 'config', 'CHANGELOG.md'],
    dependencies,
    peerDependencies: { vitest: `^${vitestMajor}.0.0` },
  }
}

function builtExport(path: string): string | { readonly types: string; readonly default: string } {
  if (!path.endsWith('.ts')) return path
  const base = path.slice(0, -'.ts'.length)
  return { types: `${base}.d.ts`, default: `${base}.js` }
}
