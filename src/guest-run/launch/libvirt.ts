/**
 * Guests of a run on a hypervisor, through its libvirt. The domain is transient, and belongs to a `virsh` that ends with our
 * connection: libvirt then takes the guest away (autodestroy), whatever became of us. Files are journaled before they are made.
 */
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DisposalStack } from '../../core/disposal-stack.ts'
import type { Undo } from '../../core/journal.ts'
import { virshCommand } from '../../transport/libvirt/virsh.ts'
import type { ForwardedIn } from '../../transport/ssh/forward-in.ts'
import type { SshHost } from '../../transport/ssh/ssh-host.ts'
import type { GuestPlan, LaunchOptions, Launcher, RunningGuest } from '../launcher.ts'
import { domainDocument } from './domain-document.ts'
import type { GuestFiles } from './guest-files.ts'
import { type SentImage, imageFolderOf, sendFiles, sendImage } from './hypervisor-files.ts'
import { LibvirtGuest } from './libvirt-guest.ts'
import { guestUndo, labelFile } from './libvirt-undo.ts'
import { makeModulesDisk } from './modules-disk.ts'
import { madeDisks } from './qemu-arguments.ts'

export interface LibvirtSettings {
  readonly host: SshHost
  readonly image: SentImage
  readonly domainType: 'kvm' | 'qemu'
  /** On the hypervisor, where libvirt may read: the config's `libvirt.image_folder`. */
  readonly folder: string
  readonly log: (line: string) => void
  /** Writes down how a thing is taken back, before it is made; what it returns is called when it has been. */
  readonly journal: (undo: Undo, what: string) => Promise<() => Promise<void>>
}

/** A port that scripts may have written down; another one where it is taken. */
const usualPort = 3003

/** The launcher for one hypervisor. */
export function libvirtLauncher(settings: LibvirtSettings): Launcher {
  return {
    name: 'libvirt',
    start: (plan, options) => start(plan, settings, options),
    async describe(plan) {
      const folder = folderOf(plan, settings)
      const there = imageFolderOf(settings.folder, settings.image)
      return [
        ['mkdir', '-m', '0711', '--', folder],
        overlayCommand(`${there}/${basename(settings.image.files.disk)}`, folder),
        ...madeDisks(plan, folder).flatMap(({ path, bytes }) =>
          bytes === undefined ? [] : [truncateCommand(path, bytes)],
        ),
        virshCommand(['create', '--file', `${folder}/domain.xml`, '--paused', '--autodestroy']),
        virshCommand(['console', '--domain', plan.name]),
        virshCommand(['resume', '--domain', plan.name]),
      ]
    },
  }
}

function folderOf(plan: GuestPlan, settings: Pick<LibvirtSettings, 'folder'>): string {
  return `${settings.folder}/guest-run-${plan.name}`
}

function overlayCommand(disk: string, folder: string): string[] {
  return ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', disk, `${folder}/root.qcow2`]
}

function truncateCommand(path: string, bytes: number): string[] {
  return ['truncate', '-s', String(bytes), '--', path]
}

async function start(
  plan: GuestPlan,
  settings: LibvirtSettings,
  options: LaunchOptions,
): Promise<RunningGuest> {
  const made = new DisposalStack()
  try {
    const files = await makeFiles(plan, settings, options, made)
    const port = plan.network === 'user' ? made.use(await openPort(settings.host, options.port)).port : 0
    const folder = folderOf(plan, settings)
    const disks = madeDisks(plan, folder)
    const kernel = plan.kernel && there(plan.kernel, folder)
    const document = domainDocument(
      { ...plan, ...(kernel ? { kernel } : {}) },
      { domainType: settings.domainType, files, disks, port },
    )
    await settings.host.writeFile(`${folder}/domain.xml`, document, { mode: 0o644 })
    await journaled(made, settings, guestUndo.domain(plan.name), `guest ${plan.name}`, () => undefined)
    const guest = new LibvirtGuest(plan.name, settings.host, `${folder}/domain.xml`, made)
    made.defer(() => guest.stop(0))
    await guest.begin(options.signal)
    return guest
  } catch (error) {
    await made[Symbol.asyncDispose]()
    throw error
  }
}

/** Writes the undo down, and has it crossed out once the stack has come to it. */
async function journaled(
  made: DisposalStack,
  settings: LibvirtSettings,
  undo: Undo,
  what: string,
  takeBack: () => unknown,
): Promise<void> {
  const undone = await settings.journal(undo, `${what} on ${settings.host.name}`)
  made.defer(async () => {
    await takeBack()
    await undone()
  })
}

async function makeFiles(
  plan: GuestPlan,
  settings: LibvirtSettings,
  options: LaunchOptions,
  made: DisposalStack,
): Promise<GuestFiles> {
  const { host, image, log } = settings
  const { signal } = options
  const folder = folderOf(plan, settings)
  await host.run(['mkdir', '-p', '-m', '0711', '--', settings.folder], { signal })
  const sent = await sendImage(host, image, { folder: settings.folder, name: plan.name, signal, log })
  await journaled(made, settings, guestUndo.folder(folder, plan.name), `folder ${folder}`, () =>
    host.run(['rm', '-rf', '--', folder]),
  )
  await host.run(['mkdir', '-m', '0711', '--', folder], { signal })
  await host.writeFile(`${folder}/${labelFile}`, plan.name)
  await host.run(overlayCommand(sent.disk, folder), { signal })
  for (const { path, bytes } of madeDisks(plan, folder)) {
    if (bytes !== undefined) await host.run(truncateCommand(path, bytes), { signal })
  }
  const local = [plan.kernel?.image, plan.kernel?.initrd].filter((path) => path !== undefined)
  if (plan.kernel?.modules !== undefined) {
    const disk = join(options.folder, 'modules.img')
    await makeModulesDisk(disk, plan.kernel.modules, signal)
    made.defer(() => rm(disk, { force: true }))
    local.push(disk)
  }
  if (local.length > 0) await sendFiles(host, local, folder, signal)
  return { ...sent, disk: `${folder}/root.qcow2` }
}

function there(kernel: NonNullable<GuestPlan['kernel']>, folder: string): NonNullable<GuestPlan['kernel']> {
  const path = (local: string): string => `${folder}/${basename(local)}`
  return {
    image: path(kernel.image),
    ...(kernel.initrd === undefined ? {} : { initrd: path(kernel.initrd) }),
  }
}

async function openPort(host: SshHost, to: number): Promise<ForwardedIn> {
  return await host.forwardIn({ port: usualPort, to }).catch(() => host.forwardIn({ port: 0, to })) // why there is none at all, the second says
}
