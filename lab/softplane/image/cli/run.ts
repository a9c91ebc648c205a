/** A command of dpservice-cli: one call, one document. Exit status 1 for the client's errors, 2 for the server's. */
import { readFileSync } from 'node:fs'
import { defaultPort } from '../shared/protocol.ts'
import { RpcError, grpcCodes } from '../shared/status.ts'
import type { Call, Endpoint } from './call.ts'
import type { Command } from './command.ts'
import { createCommands } from './commands.ts'
import type { ErrorDocument } from './document.ts'
import { ClientError, resolveFlags, splitArguments, type Flag } from './flags.ts'
import { formats, render, renderJson, renderYaml, type Format } from './render.ts'

const exitStatus = { client: 1, server: 2 } as const

const globalFlags: Readonly<Record<string, Flag>> = {
  address: { type: 'string', default: `localhost:${process.env.DP_GRPC_PORT || defaultPort}` },
  'connect-timeout': { type: 'duration', default: 4000 },
  output: { type: 'string', short: 'o', default: '' },
  pretty: { type: 'bool', default: false },
  wide: { type: 'bool', short: 'w', default: false },
}
const verbs: Readonly<Record<string, Command['verb']>> = {
  create: 'create',
  add: 'create',
  delete: 'delete',
  del: 'delete',
  get: 'get',
  list: 'list',
  reset: 'reset',
  init: 'init',
}

/** What there is to print, and the exit status. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Carries out what a command line says; what is wrong with it is told as dpservice-cli tells it. */
export async function runCommand(argv: readonly string[], call: Call): Promise<Outcome> {
  try {
    return await carriedOut(argv, call)
  } catch (error) {
    return failed(error, argv)
  }
}

async function carriedOut(argv: readonly string[], call: Call): Promise<Outcome> {
  const commands = createCommands(clientVersion())
  if (argv.includes('--version') || argv[0] === '-v')
    return printed(`dpservice-cli version ${clientVersion()}\n`, 0)
  const everyFlag = Object.assign({}, ...commands.map(({ flags }) => flags), globalFlags) as Record<
    string,
    Flag
  >
  const { words, given } = splitArguments(argv, everyFlag)
  const command = findCommand(commands, words)
  const values = resolveFlags({ ...command.flags, ...globalFlags }, given)
  const format = outputFormat(String(values.output), command.verb)
  const endpoint: Endpoint = {
    address: String(values.address),
    connectTimeoutMs: Number(values['connect-timeout']),
  }
  if (command.verb === 'init') await refuseSecondInit(endpoint, call)

  const { status, result } = await call(endpoint, command.method, command.params(values))
  const document = command.document(status, result, values)
  const operation = status.code === 0 ? (command.operation?.(document) ?? '') : ''
  const text = render(document, { format, pretty: values.pretty === true, operation, view: command.view })
  return printed(text, status.code === 0 ? 0 : exitStatus.server)
}

function printed(stdout: string, exitCode: number): Outcome {
  return { exitCode, stdout, stderr: '' }
}

function findCommand(commands: readonly Command[], words: readonly string[]): Command {
  const [first = '', noun, ...more] = words
  const verb = Object.hasOwn(verbs, first) ? verbs[first] : undefined
  if (!verb && first === 'capture') throw new ClientError('softplane does not have "capture" yet')
  if (!verb) {
    throw new ClientError(first ? `unknown command "${first}" for "dpservice-cli"` : 'subcommand is required')
  }
  const candidates = commands.filter((command) => command.verb === verb)
  const found = candidates.find(({ nouns }) =>
    noun === undefined ? nouns.length === 0 : nouns.includes(noun),
  )
  if (found && more.length === 0) return found
  if (found) throw new ClientError(`accepts 0 arg(s), received ${more.length}`)
  if (noun === undefined) throw new ClientError('subcommand is required')
  throw new ClientError(`unknown command "${noun}" for "dpservice-cli ${first}"`)
}

function outputFormat(asked: string, verb: Command['verb']): Format {
  const byDefault = verb === 'get' || verb === 'list' || verb === 'init' ? 'table' : 'name'
  const found = formats.find((format) => format === (asked || byDefault))
  if (!found) throw new ClientError(`error creating renderer: unknown renderer "${asked}"`)
  return found
}

/** The service would give the same UUID again; it is the client that calls a second `init` an error. */
async function refuseSecondInit(endpoint: Endpoint, call: Call): Promise<void> {
  let uuid: unknown
  try {
    uuid = (await call(endpoint, 'CheckInitialized', {})).result.uuid
  } catch (error) {
    if (error instanceof RpcError && error.status.code === grpcCodes.ABORTED) return
    throw error
  }
  throw new ClientError(`error dp-service already initialized, uuid: ${String(uuid)}`)
}

function clientVersion(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function failed(error: unknown, argv: readonly string[]): Outcome {
  const message = error instanceof Error ? error.message : String(error)
  const document: ErrorDocument =
    error instanceof RpcError
      ? { kind: 'Error', spec: { source: 'grpc' }, status: error.status }
      : { kind: 'Error', spec: { source: 'client' }, status: { code: exitStatus.client, message } }
  const asked = /(?:^|\s)(?:-o[= ]?|--output[= ])(json|yaml)(?:\s|$)/.exec(argv.join(' '))?.[1]
  if (asked === 'json') return printed(renderJson(document, argv.includes('--pretty')), exitStatus.client)
  if (asked === 'yaml') return printed(renderYaml(document), exitStatus.client)
  return { exitCode: exitStatus.client, stdout: '', stderr: `Error running command: ${message}\n` }
}
