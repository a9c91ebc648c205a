/** Provisioning in a process of its own, for tests that kill it: options as on the command line, exit status likewise. */
import { parseArgs } from 'node:util'
import { DpbenchError, describeError } from '../../src/core/errors.ts'
import { cleanUpProvisioned, provision } from '../../provision/main.ts'

const { values } = parseArgs({
  options: {
    'disk-template': { type: 'string' },
    'env-config-file': { type: 'string' },
    'clean-up': { type: 'boolean' },
  },
})
const stop = new AbortController()
let signalled: number | undefined
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    signalled = status
    stop.abort(new Error(signal))
  })
}
const log = (line: string): void => void process.stdout.write(`${line}\n`)
const options = {
  diskTemplate: values['disk-template'],
  envConfigFile: values['env-config-file'],
  cleanUp: values['clean-up'],
}
try {
  if (options.cleanUp) await cleanUpProvisioned(options, { log, signal: stop.signal })
  else await provision(options, { log, signal: stop.signal })
} catch (error) {
  log(describeError(error))
  process.exitCode = signalled ?? (error instanceof DpbenchError ? error.exitCode : 3)
}
