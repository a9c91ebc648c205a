/** The plan of one hypervisor: every step that creates something, in order, each with its undo. */
import type { RemoteHost } from '../src/transport/host.ts'
import { shell } from '../src/core/shell-quote.ts'
import { Virsh } from '../src/transport/libvirt/virsh.ts'
import { environmentFolderOn, imagePlaces, labelName, vmFiles, vmPlaces } from './places.ts'
import type { HypervisorFacts } from './preflight.ts'
import type { ProvisionRun, Step } from './run.ts'
import { shipImage } from './ship.ts'
import { undo } from './undo.ts'
import type { VmPlan } from './vm-plan.ts'

/** Nothing when every VM is there: a second run changes nothing. */
export function planSteps(run: ProvisionRun, facts: HypervisorFacts, vms: readonly VmPlan[]): Step[] {
  const absent = vms.filter(({ state }) => state === 'absent')
  const steps: Step[] =
    absent.length === 0
      ? []
      : [...folderSteps(run, facts), imageStep(run, facts), labelStep(run, facts)].flat()
  for (const plan of absent) steps.push(...creationSteps(run, plan))
  for (const { vm, state } of vms) {
    if (state !== 'running')
      steps.push({ what: `${vm.name}: switch it on`, run: async (host) => virshOf(run, host).start(vm.name) })
  }
  return steps
}

function folderSteps(run: ProvisionRun, facts: HypervisorFacts): Step[] {
  const { imageFolder } = run.config.libvirt
  if (facts.imageFolderThere) return []
  return [
    {
      what: `make the folder ${imageFolder}`,
      undo: undo.emptyFolder(imageFolder),
      thing: `folder ${imageFolder}`,
      run: async (host) => void (await host.run(['mkdir', '-p', '-m', '0711', '--', imageFolder])),
    },
  ]
}

/** First a mark that the image is in use, so that nobody else's clean-up takes it away; then the image. */
function imageStep(run: ProvisionRun, facts: HypervisorFacts): Step {
  const places = imagePlaces(run.config.libvirt.imageFolder, run.image, run.runId)
  return {
    what: 'bring the disk image',
    ...(facts.imageThere && facts.imageMarked
      ? {}
      : { undo: undo.image(places, run.identity.id), thing: `disk image ${places.image}` }),
    run: async (host) => {
      await host.run(shell('mkdir -p -- "$1" && : > "$1/$2"', places.users, run.identity.id))
      await shipImage(run, host, places, facts.compression)
    },
  }
}

function labelStep(run: ProvisionRun, facts: HypervisorFacts): Step[] {
  if (facts.folderThere) return []
  const folder = environmentFolderOn(run)
  const files = facts.hypervisor.vms.flatMap(({ name }) => vmFiles(vmPlaces(folder, name)))
  return [
    {
      what: `make the folder ${folder}`,
      undo: undo.folder(folder, run.identity.id, files),
      thing: `folder ${folder}`,
      // mkdir without -p: a folder that somebody made meanwhile is not ours to label. The label comes with the command,
      // not by its input, of which a crash would leave a part
      run: async (host) => {
        const script = 'rmdir -- "$1" 2>/dev/null; mkdir -m 0711 -- "$1" && printf "%s\\n" "$3" > "$1/$2"'
        await host.run(shell(script, folder, labelName, run.identity.id))
      },
    },
  ]
}

function creationSteps(run: ProvisionRun, plan: VmPlan): Step[] {
  const { vm, places } = plan
  const folder = environmentFolderOn(run)
  const base = imagePlaces(run.config.libvirt.imageFolder, run.image, run.runId).image
  return [
    {
      what: `${vm.name}: make its disk and its documents`,
      undo: undo.files(folder, run.identity.id, vmFiles(places)),
      thing: `disk and documents of ${vm.name}`,
      run: async (host) => {
        await host.run([
          'qemu-img',
          'create',
          '-q',
          '-f',
          'qcow2',
          '-F',
          run.image.format,
          '-b',
          base,
          places.overlay,
        ])
        // the private host key is in it; libvirt gives it to QEMU's user
        await host.writeFile(places.ignition, plan.ignition, { mode: 0o600 })
        await host.writeFile(places.domain, plan.domain, { mode: 0o600 })
      },
    },
    {
      what: `${vm.name}: define the domain`,
      undo: undo.domain(vm.name, run.identity.id, places.domain),
      thing: `domain ${vm.name}`,
      run: async (host) => virshOf(run, host).define(places.domain),
    },
  ]
}

function virshOf(run: ProvisionRun, host: RemoteHost): Virsh {
  return new Virsh(host, { signal: run.signal })
}
