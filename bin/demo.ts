/**
 * `npm run demo`: the whole way on one machine, from an empty lab to verdicts in both modes, and back. It is the same
 * commands that a user types, in their order.
 */
import { UsageError } from '../src/core/errors.ts'
import { buildGuestImage } from '../lab/image/build.ts'
import { installPackages, requireLabCapable } from '../lab/lab.ts'
import { labPaths } from '../lab/paths.ts'
import { lab } from './lab.ts'
import { runProvision } from './provision.ts'
import { run } from './run.ts'
import { type OptionSpec, helpOf, refuseUnknown, takeOptions } from './options.ts'
import { progress, untilSignal } from './terminal.ts'

const options: readonly OptionSpec[] = [
  {
    name: 'guests',
    value: 'qemu|namespace',
    help: 'VMs, provisioned from an image (default), or namespaces',
  },
  {
    name: 'profile',
    value: 'quick|default|release',
    help: "default: the lab's own, quick with a wide spread allowed",
  },
  { name: 'keep', help: 'leave the lab up' },
]

export const demoHelp = `dpbench demo [options]\n\n${helpOf(options)}`

const labName = 'demo'

export async function demo(argv: readonly string[]): Promise<number> {
  const { values, rest } = takeOptions(argv, options)
  refuseUnknown(rest, options)
  const guests = values['guests'] ?? 'qemu'
  if (guests !== 'qemu' && guests !== 'namespace') {
    throw new UsageError(`--guests is "${guests}": write qemu or namespace`)
  }
  requireLabCapable()
  const profile = typeof values['profile'] === 'string' ? ['--profile', values['profile']] : []
  return untilSignal((signal) => demonstrate({ guests, profile, keep: values['keep'] === true }, signal))
}

interface DemoOptions {
  readonly guests: 'qemu' | 'namespace'
  readonly profile: readonly string[]
  readonly keep: boolean
}

async function demonstrate({ guests, profile, keep }: DemoOptions, signal: AbortSignal): Promise<number> {
  step('install what is missing', 'npx dpbench lab install')
  await installPackages(progress)
  signal.throwIfAborted()
  let code = 3
  let provisioned = false
  const config = ['--env-config-file', labPaths(labName).configFile]
  try {
    step('a lab of two hypervisors', `npx dpbench lab up --name ${labName} --guests ${guests}`)
    await lab(['up', '--name', labName, '--guests', guests])
    signal.throwIfAborted()
    if (guests === 'qemu') {
      step('the guest image', 'npx dpbench lab image')
      const { path } = await buildGuestImage({ log: progress, signal })
      const provisioning = [...config, '--disk-template', path]
      step('three VMs on them', `npm run provision -- ${provisioning.join(' ')}`)
      const provisionCode = await runProvision(provisioning)
      if (provisionCode !== 0) return provisionCode
      provisioned = true
      signal.throwIfAborted()
    }
    // an emulated guest takes ten seconds to get a repetition ready
    const which = guests === 'qemu' ? ['vm2vm', '-t', 'IPv4'] : ['vm2vm']
    const running = [...which, '--mode', 'both', '--stage', 'cicd', ...profile, ...config]
    step('throughput between VMs in both modes', `npx vitest ${running.join(' ')}`)
    code = await run(running)
  } finally {
    if (keep) {
      progress(`the lab ${labName} stays up; take it down with: npx dpbench lab down --name ${labName}`)
    } else {
      if (provisioned) {
        step('the VMs removed', `npm run provision -- --clean-up ${config.join(' ')}`)
        await runProvision(['--clean-up', ...config])
      }
      step('and nothing left behind', `npx dpbench lab down --name ${labName}`)
      await lab(['down', '--name', labName])
    }
  }
  return code
}

function step(what: string, command: string): void {
  process.stderr.write(`\n── ${what}\n   ${command}\n`)
}
