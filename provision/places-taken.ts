/** The places where provisioning writes on a hypervisor: whether what is there is ours. What is not is left, and ends it beforehand. */
import type { HypervisorConfig } from '../src/config/types.ts'
import { shell } from '../src/core/shell-quote.ts'
import type { RemoteHost } from '../src/transport/host.ts'
import { environmentFolderOn, imagePlaces, labelName } from './places.ts'
import type { ProvisionRun } from './run.ts'

interface PlacesOn {
  /** The image, whole, that an environment of dpbench has brought. */
  readonly imageThere: boolean
  /** This environment's folder, with its label. */
  readonly folderThere: boolean
  readonly faults: readonly string[]
}

/** `-`: nothing is there; else what kind of thing, and what it says. */
const script = `kind() { if [ -L "$1" ]; then echo link; elif [ -d "$1" ]; then echo folder; elif [ -f "$1" ]; then echo file; elif [ -e "$1" ]; then echo other; else echo -; fi; }
kind "$1"; stat -L -c %s -- "$1" 2>/dev/null || echo -
kind "$2"
kind "$3"; if [ -s "$3/$4" ]; then head -n 1 -- "$3/$4"; else echo -; fi
kind "$5"`

/** @throws CommandError */
export async function placesOn(
  host: RemoteHost,
  run: ProvisionRun,
  hypervisor: HypervisorConfig,
): Promise<PlacesOn> {
  const { imageFolder } = run.config.libvirt
  const { image, users } = imagePlaces(imageFolder, run.image, run.runId)
  const folder = environmentFolderOn(run)
  const { stdout } = await host.run(shell(script, image, users, folder, labelName, imageFolder), {
    signal: run.signal,
  })
  const said = stdout.split('\n').map((line) => line || '-') // a dry run is told nothing: then nothing is there
  const [imageKind = '-', imageSize, usersKind = '-', folderKind = '-', label = '-', place = '-'] = said
  const faults: string[] = []
  const refuse = (what: string): void => {
    faults.push(
      `${what} is there that dpbench did not make, and is left alone: move it away or choose another libvirt.image_folder`,
    )
  }
  if (place !== 'folder' && place !== '-' && place !== 'link') refuse(`a ${place} ${imageFolder}`)
  const known = usersKind === 'folder'
  if (usersKind !== '-' && !known) refuse(`a ${usersKind} ${users}`)
  const imageThere = imageKind === 'file' && imageSize === String(run.image.size)
  // with the mark of its users an image is ours, also one that was cut short; nothing else has both names
  if (imageKind !== '-' && !(known && imageKind === 'file')) refuse(`a ${imageKind} ${image}`)
  const folderThere = folderKind === 'folder' && label === run.identity.id
  if (folderKind === 'folder' && label !== '-' && !folderThere)
    faults.push(
      `${folder} belongs to another environment (${label}): move it away or choose another libvirt.image_folder`,
    )
  else if (folderKind !== '-' && !folderThere && !run.isBegun?.(folder, hypervisor.name))
    refuse(`a ${folderKind} ${folder}`)
  return { imageThere, folderThere, faults }
}
