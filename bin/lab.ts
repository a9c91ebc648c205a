/** `dpbench lab …`: the embedded lab at the command line. */
import { rm } from 'node:fs/promises'
import { environmentFolder } from '../src/config/index.ts'
import { UsageError } from '../src/core/errors.ts'
import { buildGuestImage } from '../lab/image/build.ts'
import { importedImage } from '../lab/import-image.ts'
import { type LabOptions, installPackages, labDown, labShell, labStatus, labUp } from '../lab/lab.ts'
import { buildSoftplaneImage } from '../lab/softplane/build.ts'
import { type OptionSpec, type OptionValues, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  { name: 'name', value: 'NAME', help: 'which lab; default: default' },
  {
    name: 'guests',
    value: 'qemu|namespace',
    help: 'up: VMs to be provisioned (default), or namespaces, ready at once',
  },
  {
    name: 'docker-image',
    value: 'REF',
    help: 'up: an image of dpservice itself, in TAP mode, in the place of softplane',
  },
  {
    name: 'dataplane',
    value: 'softplane|none',
    help: 'up: none for suites that bring their own ("dataplane": "none"); default: softplane',
  },
  { name: 'hypervisors', value: 'N', help: 'up: how many; default: 2' },
  { name: 'purge', help: 'down: the cached images too' },
]

export const labHelp = `dpbench lab up|down|status|shell|image|install [options]

  up       makes the lab and writes its config
  down     removes every trace of it
  status   shows what runs
  shell    enters a machine: dpbench lab shell hypervisor-1
  image    builds the guest image and prints its path
  install  installs the packages that the lab needs

${helpOf(options)}`

export async function lab(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const [action = 'status', machine, ...more] = rest
  if (more.length > 0) throw new UsageError(`dpbench lab ${action} takes no ${more.join(' ')}`)
  const name = text(values['name'], 'default')
  switch (action) {
    case 'up':
      return untilSignal(async (signal) => {
        const guests = text(values['guests'], 'qemu')
        if (guests !== 'qemu' && guests !== 'namespace') {
          throw new UsageError(`--guests is "${guests}": write qemu or namespace`)
        }
        const hypervisors = Number(text(values['hypervisors'], '2'))
        const dataplane = dataplaneOf(values)
        const up = await labUp({ name, guests, hypervisors, log: progress, signal, ...dataplane })
        process.stdout.write(`the lab ${name} is up; its config: ${up.configFile}\n`)
        return 0
      })
    case 'down':
      await labDown(name, { purge: values['purge'] === true })
      // what a journal of this lab says is gone with its machines, and the next lab of this name has others
      await rm(environmentFolder(process.cwd(), name), { recursive: true, force: true })
      return 0
    case 'status':
      process.stdout.write(`${JSON.stringify(await labStatus(), undefined, 2)}\n`)
      return 0
    case 'shell':
      return labShell(name, machine ?? 'hypervisor-1')
    case 'image':
      return untilSignal(async (signal) => {
        process.stdout.write(`${(await buildGuestImage({ log: progress, signal })).path}\n`)
        return 0
      })
    case 'install':
      await installPackages(progress)
      return 0
    default:
      throw new UsageError(`there is no \`dpbench lab ${action}\`: up, down, status, shell, image or install`)
  }
}

/** @throws UsageError */
function dataplaneOf(values: OptionValues): Pick<LabOptions, 'dataplane' | 'image'> {
  const [image, kind] = [values['docker-image'], text(values['dataplane'], 'softplane')]
  if (kind !== 'softplane' && kind !== 'none')
    throw new UsageError(
      `--dataplane is "${kind}": write softplane or none (for dpservice itself --docker-image REF)`,
    )
  if (typeof image === 'string' && values['dataplane'] !== undefined)
    throw new UsageError(`--docker-image takes the place of softplane: leave --dataplane out`)
  if (typeof image === 'string') return { dataplane: 'dpservice', image: importedImage(image) }
  return kind === 'none' ? { dataplane: 'none' } : { image: { build: buildSoftplaneImage } }
}

function text(value: string | true | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
