/** The lab's commands on their own, for work on the lab itself: `node lab/cli.ts up --guests namespace`. */
import { parseArgs } from 'node:util'
import { DpbenchError, UsageError, describeError } from '../src/core/errors.ts'
import { installPackages, labDown, labShell, labStatus, labUp } from './lab.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'default' },
    guests: { type: 'string', default: 'qemu' },
    hypervisors: { type: 'string', default: '2' },
    purge: { type: 'boolean', default: false },
  },
})

const started = performance.now()
const log = (line: string): void => {
  process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${line}\n`)
}
const stop = new AbortController()
let signalled: number | undefined
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    signalled ??= status
    stop.abort()
  })
}

async function main(): Promise<number> {
  const [command, machine] = positionals
  const { name, purge } = values
  switch (command) {
    case 'up': {
      const guests = values.guests === 'namespace' ? 'namespace' : 'qemu'
      const hypervisors = Number(values.hypervisors)
      const lab = await labUp({ name, guests, hypervisors, log, signal: stop.signal })
      log(`up: ${lab.configFile}`)
      return 0
    }
    case 'down':
      await labDown(name, { purge })
      return 0
    case 'status':
      process.stdout.write(`${JSON.stringify(await labStatus(), undefined, 2)}\n`)
      return 0
    case 'shell':
      return labShell(name, machine ?? 'hypervisor-1')
    case 'install':
      await installPackages(log)
      return 0
    default:
      throw new UsageError('up, down, status, shell or install?')
  }
}

process.exitCode = await main().catch((error: unknown) => {
  if (signalled !== undefined) return signalled
  process.stderr.write(`${describeError(error)}\n`)
  return error instanceof DpbenchError ? error.exitCode : 3
})
