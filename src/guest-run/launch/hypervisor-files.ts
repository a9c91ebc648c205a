/** What a guest of a run needs on a hypervisor: the image, sent once and named by its content, and the files of one guest. */
import { spawn } from 'node:child_process'
import { basename, dirname } from 'node:path'
import { GuestRunError } from '../../core/errors.ts'
import { programEnvironment } from '../../core/passphrase.ts'
import { shell } from '../../core/shell-quote.ts'
import type { RemoteHost } from '../../transport/host.ts'
import type { GuestFiles } from './guest-files.ts'

export interface SentImage {
  /** Names the image by its content: the hash of its recipe and packages. */
  readonly id: string
  readonly files: GuestFiles
}

/** Where a hypervisor keeps an image of guest runs. */
export function imageFolderOf(folder: string, { id }: Pick<SentImage, 'id'>): string {
  return `${folder}/guest-run-image-${id}`
}

/** Removes all of them below `folder`, printing each, and the folder where it is empty then. */
export function removeImagesCommand(folder: string): string[] {
  const script =
    'for each in "$1"/guest-run-image-*; do [ -d "$each" ] || continue; rm -rf -- "$each" && echo "$each" || exit 1; done; ' +
    'rmdir -- "$1" 2>/dev/null || :'
  return shell(script, folder)
}

const sendMs = 1_800_000

/** Sends files into a folder of the host without their holes. @throws CommandError, GuestRunError */
export async function sendFiles(
  host: RemoteHost,
  files: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const names = files.flatMap((file) => ['-C', dirname(file), basename(file)])
  const tar = spawn('tar', ['--create', '--sparse', '--file', '-', ...names], {
    env: programEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  tar.stderr.on('data', (piece: Buffer) => (said += piece.toString('utf8')))
  const packed = new Promise<number | null>((resolve, reject) => {
    tar.once('error', reject)
    tar.once('close', resolve)
  })
  try {
    const unpack = host.run(['tar', '--extract', '--file', '-', '--directory', folder], {
      input: tar.stdout,
      signal,
      timeoutMs: sendMs,
      as: { kind: 'file', name: `send ${files.map((file) => basename(file)).join(', ')} to ${folder}` },
    })
    const [status] = await Promise.all([packed, unpack])
    if (status !== 0) throw new GuestRunError(`${files.join(', ')} cannot be read: ${said.trim()}`)
  } finally {
    tar.kill('SIGKILL')
  }
}

/** The image's files on the host, sent unless they are there. `name` is of this run alone. */
export async function sendImage(
  host: RemoteHost,
  image: SentImage,
  options: {
    readonly folder: string
    readonly name: string
    readonly signal: AbortSignal
    readonly log: (line: string) => void
  },
): Promise<GuestFiles> {
  const { signal, log } = options
  const to = imageFolderOf(options.folder, image)
  const { disk, kernel, initrd } = image.files
  if ((await host.tryRun(['test', '-d', to], { signal })).exitCode !== 0) {
    const partial = `${to}.${options.name}.partial`
    log(`sending the guest image to ${host.name}, once`)
    await host.run(['mkdir', '-p', '-m', '0711', '--', partial], { signal })
    try {
      await sendFiles(host, [disk, kernel, initrd], partial, signal)
      // another run may have been faster: its copy is as good
      await host.run(shell('mv -T -- "$1" "$2" 2>/dev/null || [ -d "$2" ]', partial, to), { signal })
    } finally {
      await host.tryRun(['rm', '-rf', '--', partial])
    }
  }
  const there = (path: string): string => `${to}/${basename(path)}`
  return { ...image.files, disk: there(disk), kernel: there(kernel), initrd: there(initrd) }
}
