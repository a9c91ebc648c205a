/**
 * An image saved from the controller's engine, and archives of it for `docker load` that hold some of its layers only:
 * an engine takes a layer from an archive when it lacks it, and does not look for it there otherwise.
 */
import { createHash } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CommandError } from '../../core/command-result.ts'
import { DeployError } from '../../core/errors.ts'
import { type LocalCommandOptions, runLocally } from '../../core/local-command.ts'
import { toolJson } from '../../core/tool-output.ts'
import { type BuiltImage, dockerCommand, tryDocker } from './build.ts'

/** The `manifest.json` of `docker save`, the same from 1.10 to this day. */
/** Of the archive, and in it: its members are read here, as root perhaps. */
const member = z
  .string()
  .refine(
    (path) => path !== '' && !path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..'),
  )
const manifestSchema = z
  .array(z.looseObject({ Config: member, Layers: z.array(member) }))
  .length(1)
  .transform(([only]) => only!)

const timeoutMs = 600_000

export type PackOptions = Pick<LocalCommandOptions, 'signal' | 'observe' | 'instead'>

export class ImageArchive {
  /** Of the image's configuration: the id that an engine gives to the image (one with Docker's own image store). */
  readonly configDigest: string
  private readonly folder: string
  private readonly manifest: { readonly Config: string; readonly Layers: readonly string[] }
  private readonly packed = new Map<number, Promise<{ file: string; bytes: number }>>()

  private constructor(folder: string, configDigest: string, manifest: z.output<typeof manifestSchema>) {
    this.folder = folder
    this.configDigest = configDigest
    this.manifest = manifest
  }

  /** Saves `image` into `folder`, which is the archive's alone. @throws DeployError */
  static async save(image: BuiltImage, folder: string, options: PackOptions): Promise<ImageArchive> {
    const whole = join(folder, 'whole.tar')
    const saved = await tryDocker(dockerCommand(image.dockerHost, 'save', '--output', whole, image.id), {
      ...options,
      timeoutMs,
    })
    options.signal?.throwIfAborted()
    if (saved.exitCode !== 0)
      throw new DeployError(`the image ${image.id} cannot be saved from the controller's engine`, {
        cause: new CommandError(saved),
      })
    await runLocally(['tar', '-xf', whole, '-C', folder], { ...options, timeoutMs })
    await rm(whole)
    return ImageArchive.read(folder, image.reference)
  }

  /** An unpacked `docker save` that is to be loaded as `reference`. */
  static async read(folder: string, reference: string): Promise<ImageArchive> {
    const file = join(folder, 'manifest.json')
    const manifest = toolJson(manifestSchema, await readFile(file, 'utf8'), `the image's archive (${file})`)
    const { Config, Layers } = manifest
    const config = await readFile(join(folder, Config)).catch((error: NodeJS.ErrnoException) => {
      throw new DeployError(`the image's archive has no ${Config}, its configuration: build the image anew`, {
        cause: error,
      })
    })
    await writeFile(file, JSON.stringify([{ Config, RepoTags: [reference], Layers }]))
    return new ImageArchive(folder, `sha256:${createHash('sha256').update(config).digest('hex')}`, manifest)
  }

  get layerCount(): number {
    return this.manifest.Layers.length
  }

  /** A gzipped archive without the lowest `present` layers; the same for all who ask for the same. */
  without(present: number, options: PackOptions = {}): Promise<{ file: string; bytes: number }> {
    const packing = this.packed.get(present) ?? this.pack(present, options)
    this.packed.set(present, packing)
    return packing
  }

  private async pack(present: number, given: PackOptions): Promise<{ file: string; bytes: number }> {
    const { Config, Layers } = this.manifest
    const file = join(this.folder, `without-${present}.tar.gz`)
    const members = new Set(['manifest.json', Config, ...Layers.slice(present)])
    // a layer that is there twice is a link to the first, which may stay behind: so links are followed
    const options = ['--dereference', '--hard-dereference', '--use-compress-program=gzip -1']
    const argv = ['tar', '-C', this.folder, ...options, '-cf', file, '--', ...members]
    await runLocally(argv, { ...given, timeoutMs })
    return { file, bytes: (await stat(file)).size }
  }
}
