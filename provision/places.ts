/** Where provisioning puts its files on a hypervisor. All of them lie in the config's `libvirt.image_folder`. */
import type { DiskImage } from './disk-image.ts'
import type { ProvisionRun } from './run.ts'

export interface ImagePlaces {
  /** Named by its content, so that it is sent once and never changed. */
  readonly image: string
  /** While it is being received; of this run alone. */
  readonly partial: string
  readonly partialName: string
  /** One empty file per environment that uses the image; the last one that goes takes the image along. */
  readonly users: string
}

export interface VmPlaces {
  readonly overlay: string
  readonly ignition: string
  readonly domain: string
  readonly consoleLog: string
}

export const labelName = '.dpbench'

export function imagePlaces(
  folder: string,
  image: Pick<DiskImage, 'contentId' | 'format'>,
  runId: string,
): ImagePlaces {
  const base = `${folder}/base-${image.contentId}`
  const partialName = partialNameOf(image, runId)
  return {
    image: `${base}.${image.format}`,
    partial: `${folder}/${partialName}`,
    partialName,
    users: `${base}.users`,
  }
}

export function partialNameOf(image: Pick<DiskImage, 'contentId'>, runId: string): string {
  return `.base-${image.contentId.slice(0, 16)}.${runId}.partial`
}

/** The folder of an environment's VMs; the label in it says whose it is. */
export function environmentFolderOn(run: Pick<ProvisionRun, 'config' | 'identity'>): string {
  return `${run.config.libvirt.imageFolder}/${run.identity.name}-${run.identity.id.slice(0, 8)}`
}

/** Every file that there may be of a VM, half-written ones too: they hold its private host key. */
export function vmFiles(places: VmPlaces): string[] {
  return [...Object.values(places), ...[places.ignition, places.domain].map((file) => `${file}.partial`)]
}

export function vmPlaces(folder: string, vm: string): VmPlaces {
  return {
    overlay: `${folder}/${vm}.qcow2`,
    ignition: `${folder}/${vm}.ign`,
    domain: `${folder}/${vm}.xml`,
    consoleLog: `${folder}/${vm}.console.log`,
  }
}
