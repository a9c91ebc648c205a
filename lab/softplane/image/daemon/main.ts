/**
 * The daemon: takes dpservice's command line, makes its ports, and answers dpservice-cli until SIGTERM or SIGINT.
 * Exit status 0 after a signal, 1 with one line on stderr when it cannot start.
 */
import { readFileSync } from 'node:fs'
import { readConfiguration } from './configuration.ts'
import { Dataplane } from './dataplane.ts'
import { createLog } from './log.ts'
import { createMethods } from './methods.ts'
import { serveCommands } from './commands.ts'
import { createAsk, listen } from './server.ts'
import { createTelemetry } from './telemetry/commands.ts'
import { serveTelemetry } from './telemetry/server.ts'

async function main(): Promise<void> {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    name: string
    version: string
  }
  const argv = process.argv.slice(2)
  if (argv.includes('--version') || argv.includes('-v')) {
    process.stdout.write(`DP Service version ${name} ${version}\n`)
    return
  }
  const configuration = readConfiguration(argv, process.env)
  const { options } = configuration
  const log = createLog(options.logFormat)
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
  const { promise: dataplane, resolve } = Promise.withResolvers<Dataplane>()
  const ask = createAsk(createMethods(`${name} ${version}`), dataplane, log)
  const server = await listen(options.grpcPort, ask, log)
  const commands = await serveCommands(ask, log)
  const plane = await Dataplane.start(configuration)
  const { telemetrySocket } = configuration
  const telemetry =
    telemetrySocket &&
    (await serveTelemetry(telemetrySocket, {
      version: `${name} ${version}`,
      telemetry: createTelemetry(plane, configuration),
      log,
    }))
  resolve(plane)
  log('INFO', 'service ready', {
    version: `${name} ${version}`,
    offload: options.offload,
    port: options.grpcPort,
  })
  log('INFO', 'stopping', { signal: await stopped })
  server.close()
  server.closeAllConnections()
  commands.close()
  if (telemetry) await telemetry.close()
  await plane.close()
}

try {
  await main()
  process.exit(0)
} catch (error) {
  process.stderr.write(`dpservice-bin: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
