/** The archive of an image with one program of this machine in it, as `docker save` writes it: the lab's registry, which serves HTTP. */
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { runLocally } from '../../../src/core/local-command.ts'

/** Of the container, where the program listens. */
export const tinyPort = 50_051

const configuration = {
  version: 0.1,
  log: { level: 'info' },
  storage: { inmemory: {} },
  http: { addr: `127.0.0.1:${tinyPort}`, secret: 'one instance only' },
}

/** Makes `path`, an archive of about 22 MB; `folder` is for its parts. Its entry point is `/serve`. */
export async function writeTinyImage(path: string, folder: string): Promise<void> {
  const root = join(folder, 'root')
  await mkdir(join(root, 'etc'), { recursive: true })
  const { stdout: program } = await runLocally(['sh', '-c', 'readlink -f "$(command -v docker-registry)"'])
  await cp(program.trim(), join(root, 'serve'))
  await chmod(join(root, 'serve'), 0o755)
  // the program and the C library that it is linked with, where it looks for that
  const { stdout: linked } = await runLocally(['ldd', program.trim()])
  for (const [, library] of linked.matchAll(/(\/lib\S+) \(/g)) {
    await mkdir(join(root, dirname(library!)), { recursive: true })
    await cp(library!, join(root, library!), { dereference: true })
  }
  await writeFile(join(root, 'etc/registry.yml'), JSON.stringify(configuration))
  const layer = join(folder, 'layer.tar')
  await runLocally(['tar', '--create', '--owner=0', '--group=0', '--file', layer, '--directory', root, '.'])
  const diffId = createHash('sha256')
    .update(await readFile(layer))
    .digest('hex')
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/serve'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  const manifest = [{ Config: 'config.json', RepoTags: ['test/tiny:1'], Layers: [basename(layer)] }]
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await runLocally([
    'tar',
    '--create',
    '--file',
    path,
    '--directory',
    folder,
    'manifest.json',
    'config.json',
    'layer.tar',
  ])
}
