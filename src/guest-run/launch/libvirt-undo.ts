/** What a guest run leaves on a hypervisor when its controller dies, and how it is taken back: told by labels, nothing else. */
import { GuestRunError } from '../../core/errors.ts'
import type { JsonValue, Undo } from '../../core/journal.ts'
import { shell } from '../../core/shell-quote.ts'
import type { UndoRegistry } from '../../core/undo.ts'
import type { RemoteHost } from '../../transport/host.ts'
import { virshCommand } from '../../transport/libvirt/virsh.ts'
import { guestNamespace } from './domain-document.ts'

/** In the folder of one guest; holds the guest's name. */
export const labelFile = '.dpbench-guest-run'

/** How the two things that a guest is on a hypervisor are written down. */
export const guestUndo = {
  domain: (name: string): Undo => ({ kind: 'guest-run-domain', name }),
  folder: (folder: string, name: string): Undo => ({ kind: 'guest-run-folder', folder, name }),
}

/** Takes the undo functions of guest runs. They may be run again. */
export function registerGuestUndo<T extends UndoRegistry<RemoteHost>>(registry: T): T {
  registry.register('guest-run-domain', async ({ name }, host) => removeDomain(host, text(name)))
  registry.register('guest-run-folder', async ({ folder, name }, host) =>
    removeFolder(host, text(folder), text(name)),
  )
  return registry
}

async function removeDomain(host: RemoteHost, name: string): Promise<string | undefined> {
  const found = await host.tryRun(virshCommand(['metadata', '--domain', name, '--uri', guestNamespace]))
  if (found.exitCode === 0) {
    const ended = await host.tryRun(virshCommand(['destroy', '--domain', name]))
    if (ended.exitCode === 0 || !(await isThere(host, name))) return undefined
    throw new GuestRunError(`${host.name}: the guest ${name} cannot be ended: ${ended.stderr.trim()}`)
  }
  return (await isThere(host, name))
    ? `${host.name}: the domain ${name} is not of a guest run and stays`
    : undefined
}

async function isThere(host: RemoteHost, name: string): Promise<boolean> {
  const { stdout } = await host.run(virshCommand(['list', '--all', '--name']))
  return stdout.split('\n').some((line) => line.trim() === name)
}

/** Between mkdir and the label a crash leaves an empty folder: rmdir takes nothing but that. */
async function removeFolder(host: RemoteHost, folder: string, name: string): Promise<string | undefined> {
  const script =
    '[ -e "$1" ] || exit 0; if [ "$(cat -- "$1/$2" 2>/dev/null)" = "$3" ]; then rm -rf -- "$1"; ' +
    'else rmdir -- "$1" 2>/dev/null || echo foreign; fi'
  const { stdout } = await host.run(shell(script, folder, labelFile, name))
  return stdout.trim() === 'foreign'
    ? `${host.name}: ${folder} is not of this guest run and stays`
    : undefined
}

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string')
    throw new GuestRunError('the journal has an entry of a guest run that lacks a name')
  return value
}
