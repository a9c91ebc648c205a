/** How somebody gets into the machines of a run by hand, and how what a run has left is put back. */
import type { BenchConfig } from '../config/index.ts'
import { quoteArgv } from '../core/shell-quote.ts'
import type { RunSettings } from './settings.ts'

type Chosen = Pick<RunSettings, 'envConfigName'>

/** A line per machine. */
export function wayIn(config: BenchConfig, settings: Chosen): string[] {
  const machines = config.hypervisors.flatMap((each) => [
    { name: each.name, where: `${each.user}@${each.address}` },
    ...each.vms.map((vm) => ({ name: vm.name, where: `on ${each.name}` })),
  ])
  const names = Math.max(...machines.map(({ name }) => name.length))
  const places = Math.max(...machines.map(({ where }) => where.length))
  return machines.map(
    ({ name, where }) =>
      `  ${name.padEnd(names)}  ${where.padEnd(places)}  npx dpbench ssh ${name} ${chosenBy(config, settings)}`,
  )
}

export function wayOut(config: BenchConfig, settings: Chosen): string {
  return (
    'The next run puts it back before it begins; so does, and removes the VMs that were provisioned too, ' +
    `npx dpbench provision --clean-up ${chosenBy(config, settings)}`
  )
}

function chosenBy({ sourceFile }: BenchConfig, { envConfigName }: Chosen): string {
  const named = envConfigName === undefined ? [] : ['--env-config-name', envConfigName]
  return quoteArgv(['--env-config-file', sourceFile, ...named])
}
