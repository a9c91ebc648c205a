/** `dpbench guest container`: a container function as one ready-made guest run. */
import { access, symlink, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { UsageError } from '../src/core/errors.ts'
import { type ContainerFunction, containerScript } from '../src/guest-run/container/script.ts'
import { openWorkspace } from '../src/guest-run/workspace.ts'
import { guestRun } from './guest-run.ts'
import { guestRunOptions } from './guest-run-options.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions, takeRepeated } from './options.ts'

const environmentOption: OptionSpec = {
  name: 'env',
  value: 'NAME=VALUE',
  help: 'a variable of the container; may be given several times',
}

const options: readonly OptionSpec[] = [
  { name: 'listens', value: 'PORT', help: 'the TCP port that it listens on when it is ready; needed' },
  { name: 'ready', value: 'SECONDS', help: 'how long it may take until then; default: 60' },
  {
    name: 'probe',
    value: 'COMMAND',
    help: 'asks it, in the guest; default: an HTTP request to / at the port',
  },
  { name: 'expect', value: 'REGEX', help: "the probe's answer has to match it" },
  { name: 'log-has', value: 'REGEX', help: 'a line of its log has to match it' },
  { name: 'log-lacks', value: 'REGEX', help: 'no line of its log may match it' },
  environmentOption,
]

export const guestContainerHelp = `dpbench guest container [options] ARCHIVE [-- ARGUMENT…]

Loads an image (docker save, podman save) into the container engine of a fresh VM, starts it with the arguments, asks it by
a client, stops it, and looks at its log; no registry is asked. Results: those of a guest run, with uploads/probe.txt and
uploads/container.log. docs/guest-kernels.md says more.

${helpOf(options)}

All options of dpbench guest run are taken too.`

export async function guestContainer(argv: readonly string[]): Promise<number> {
  const end = argv.indexOf('--')
  const [own, args] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  const environment = takeRepeated(own, environmentOption)
  const { values, rest } = takeOptions(environment.rest, options)
  const positional = takeOptions(rest, guestRunOptions).rest
  refuseUnknown(positional, [...options, ...guestRunOptions])
  const text = (name: string): string | undefined => {
    const value = values[name]
    return typeof value === 'string' ? value : undefined
  }
  const [archive] = positional
  const faults: string[] = []
  if (positional.length !== 1)
    faults.push('name one archive of an image: dpbench guest container --listens PORT ARCHIVE')
  else if (!(await isThere(archive!)))
    faults.push(`${archive} is not there: write one by docker save -o FILE IMAGE`)
  const whole = (name: string, most: number, otherwise?: number): number => {
    const value = text(name) ?? (otherwise === undefined ? '' : String(otherwise))
    if (/^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= most) return Number(value)
    faults.push(
      value === '' ? `--${name} is missing` : `--${name} ${value}: give a whole number from 1 to ${most}`,
    )
    return 0
  }
  const container: ContainerFunction = {
    archive: 'image.tar',
    args,
    environment: environment.values,
    port: whole('listens', 65_535),
    readySeconds: whole('ready', 3600, 60),
    probe: text('probe'),
    expect: text('expect'),
    logHas: text('log-has'),
    logLacks: text('log-lacks'),
  }
  for (const each of environment.values)
    if (!/^[A-Za-z_]\w*=/.test(each)) faults.push(`--env ${each}: write NAME=VALUE`)
  if (faults.length > 0) throw new UsageError(faults.join('\n'))
  return await runAsScript(
    archive!,
    container,
    rest.filter((each) => each !== archive),
  )
}

/** Whatever becomes of the run, the script that was made for it goes. */
async function runAsScript(
  archive: string,
  container: ContainerFunction,
  options: readonly string[],
): Promise<number> {
  await using workspace = await openWorkspace()
  const script = join(workspace.path, `${basename(archive).replace(/\.(tar|tgz|tar\.\w+)$/, '')}.sh`)
  await symlink(resolve(archive), join(workspace.path, container.archive))
  await writeFile(script, containerScript(container), { mode: 0o755 })
  return await guestRun([...options, script])
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
