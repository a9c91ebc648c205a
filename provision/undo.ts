/**
 * The undo of each step of provisioning, for the journal. Each looks for our label first and takes nothing else; each
 * can be done again.
 */
import path from 'node:path'
import { ProvisionError } from '../src/core/errors.ts'
import { type JsonValue, type Undo } from '../src/core/journal.ts'
import { UndoRegistry } from '../src/core/undo.ts'
import { shell } from '../src/core/shell-quote.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { Virsh } from '../src/transport/libvirt/virsh.ts'
import { removeWorkingConfig } from '../src/config/working-config.ts'
import { labelName, type ImagePlaces } from './places.ts'

/** How each step is written down. */
export const undo = {
  /** @param file the document that it is defined from */
  domain: (name: string, environment: string, file: string): Undo => ({
    kind: 'libvirt-domain',
    name,
    environment,
    file,
  }),
  files: (folder: string, environment: string, paths: readonly string[]): Undo => ({
    kind: 'provision-files',
    folder,
    environment,
    paths,
  }),
  /** @param paths files that steps killed half-way may have left in it after all */
  folder: (folder: string, environment: string, paths: readonly string[]): Undo => ({
    kind: 'provision-folder',
    folder,
    environment,
    paths,
  }),
  image: ({ image, partial, users }: ImagePlaces, environment: string): Undo => ({
    kind: 'provision-image',
    image,
    partial,
    users,
    environment,
  }),
  emptyFolder: (folder: string): Undo => ({ kind: 'empty-folder', folder }),
  workingConfig: (file: string): Undo => ({ kind: 'working-config', file }),
}

/** `undefined`: the controller itself. */
export type UndoHost = RemoteHost | undefined

/** @param registry takes the undo functions of provisioning. */
export function registerProvisionUndo<T extends UndoRegistry<UndoHost>>(registry: T): T {
  registry.register('libvirt-domain', async (data, host) =>
    removeDomain(remote(host), text(data.name), text(data.environment), text(data.file)),
  )
  registry.register('provision-files', async (data, host) => {
    const on = remote(host)
    const state = await labelOf(on, text(data.folder))
    if (state === undefined) return undefined
    if (state !== text(data.environment)) return foreign(on, text(data.folder))
    await on.run(['rm', '-f', '--', ...texts(data.paths)])
    return undefined
  })
  registry.register('provision-folder', async (data, host) => {
    const on = remote(host)
    const folder = text(data.folder)
    const state = await labelOf(on, folder)
    // between mkdir and the label a crash leaves an empty folder: rmdir takes nothing but that
    if (state === undefined) {
      await on.tryRun(['rmdir', '--', folder])
      const there = (await on.tryRun(['test', '-e', folder])).exitCode === 0
      return there ? `${on.name}: ${folder} does not carry our label and stays` : undefined
    }
    if (state !== text(data.environment)) return foreign(on, folder)
    await on.run(['rm', '-f', '--', ...texts(data.paths)])
    // the label goes last: while something else is in the folder, it stays, and ours can still be told
    const script =
      'for one in "$1"/* "$1"/.[!.]*; do case $one in "$1/$2" | "$1/*" | "$1/.[!.]*") ;; *) echo "$one is in the way" >&2; exit 1 ;; esac; done; rm -f -- "$1/$2" && rmdir -- "$1"'
    await on.run(shell(script, folder, labelName))
    return undefined
  })
  registry.register('provision-image', async (data, host) => {
    // the last user takes the image along, and the mark that it is ours last: without it the image would be a stranger's
    const script =
      'rm -f -- "$2" "$3/$4"; [ -d "$3" ] || exit 0; [ -z "$(ls -A -- "$3")" ] || { echo used; exit 0; }; rm -f -- "$1" && rmdir -- "$3"'
    const result = await remote(host).run(
      shell(script, text(data.image), text(data.partial), text(data.users), text(data.environment)),
    )
    return result.stdout.trim() === 'used'
      ? `${remote(host).name}: ${text(data.image)} stays, another environment uses it`
      : undefined
  })
  registry.register('empty-folder', async (data, host) => {
    const script = '[ -d "$1" ] || exit 0; rmdir -- "$1" 2>/dev/null || echo used'
    const result = await remote(host).run(shell(script, text(data.folder)))
    return result.stdout.trim() === 'used'
      ? `${remote(host).name}: ${text(data.folder)} stays, it is not empty`
      : undefined
  })
  registry.register('working-config', async (data) => removeWorkingConfig(text(data.file)))
  return registry
}

/** @param file goes first: a `virsh define` that outlived a killed run and has not read it yet then fails. */
async function removeDomain(
  host: RemoteHost,
  name: string,
  environment: string,
  file: string,
): Promise<string | undefined> {
  if ((await labelOf(host, path.posix.dirname(file))) === environment)
    await host.run(['rm', '-f', '--', file])
  const virsh = new Virsh(host)
  const domain = await virsh.domain(name)
  if (!domain) return undefined
  if (domain.provisioned?.environment !== environment) {
    return `${host.name}: the domain ${name} is not the one that was provisioned and stays`
  }
  await virsh.destroy(name)
  await virsh.undefine(name)
  if (await virsh.domain(name))
    throw new ProvisionError(`the domain ${name} is still there after virsh undefine`)
  return undefined
}

/** The environment that a folder belongs to; `undefined` without a label. @throws CommandError when it cannot be told. */
async function labelOf(host: RemoteHost, folder: string): Promise<string | undefined> {
  const result = await host.run(shell('[ ! -e "$1" ] || cat -- "$1"', `${folder}/${labelName}`))
  const label = result.stdout.trim()
  return label === '' ? undefined : label
}

function foreign(host: RemoteHost, folder: string): string {
  return `${host.name}: ${folder} belongs to another environment and stays`
}

function remote(host: UndoHost): RemoteHost {
  if (!host) throw new ProvisionError('the journal names no host for this step')
  return host
}

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string' || value === '') throw new ProvisionError('the journal entry is not whole')
  return value
}

function texts(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) throw new ProvisionError('the journal entry is not whole')
  return value.map((one: JsonValue) => text(one))
}
