/** dpservice-cli as a typed client: it runs inside the container, answers in JSON, and its errors are errors. */
import type { z } from 'zod'
import { CommandError, type CommandResult } from '../../core/command-result.ts'
import { DeployError } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import {
  type DpserviceBalancerTarget,
  type DpserviceInterface,
  type DpserviceNat,
  type DpserviceRoute,
  balancerTargetAnswer,
  envelope,
  interfaceAnswer,
  listOf,
  natAnswer,
  routeAnswer,
  versionAnswer,
} from './answers.ts'
import { dpserviceStatus } from './status-codes.ts'

/** dpservice answered with a status that is not success. `status` is its code, 0 when the client itself failed. */
export class DpserviceError extends DeployError {
  readonly status: number

  constructor(host: string, argv: readonly string[], status: number, message: string) {
    const meaning = dpserviceStatus[status]
    super(
      `${host}: dpservice refused \`dpservice-cli ${argv.join(' ')}\`: ${message || 'no message'}` +
        (status ? ` (${status}${meaning ? `, ${meaning}` : ''})` : ''),
    )
    this.status = status
  }
}

/** Runs dpservice-cli where the data plane is and resolves however it ends. */
export type RunCli = (argv: readonly string[]) => Promise<CommandResult>

export interface InterfaceSpec {
  readonly id: string
  readonly vni: number
  readonly ipv4: string
  readonly ipv6: string
  readonly device: string
  /** Where others are to reach it. Default: dpservice chooses. */
  readonly underlay?: string | undefined
}

export class DpserviceClient {
  readonly host: string
  private readonly runCli: RunCli

  constructor(host: string, runCli: RunCli) {
    this.host = host
    this.runCli = runCli
  }

  /** `name version` as the data plane tells it. @throws DpserviceError */
  async version(): Promise<string> {
    const { spec } = await this.ask(versionAnswer, ['get', 'version'])
    return [spec.service_name, spec.service_version].filter(Boolean).join(' ')
  }

  async init(): Promise<void> {
    await this.call(['init'])
  }

  createInterface(spec: InterfaceSpec): Promise<DpserviceInterface> {
    const { id, vni, ipv4, ipv6, device, underlay } = spec
    const wish = underlay === undefined ? [] : [`--underlay=${underlay}`]
    const place = [`--id=${id}`, `--vni=${vni}`, `--device=${device}`, ...wish]
    return this.ask(interfaceAnswer, ['create', 'interface', ...place, `--ipv4=${ipv4}`, `--ipv6=${ipv6}`])
  }

  listInterfaces(): Promise<DpserviceInterface[]> {
    return this.ask(listOf(interfaceAnswer), ['list', 'interfaces'])
  }

  listRoutes(vni: number): Promise<DpserviceRoute[]> {
    return this.ask(listOf(routeAnswer), ['list', 'routes', `--vni=${vni}`])
  }

  /** @throws DpserviceError (201) when the interface has none */
  getNat(interfaceId: string): Promise<DpserviceNat> {
    return this.ask(natAnswer, ['get', 'nat', `--interface-id=${interfaceId}`])
  }

  listBalancerTargets(loadBalancer: string): Promise<DpserviceBalancerTarget[]> {
    return this.ask(listOf(balancerTargetAnswer), ['list', 'lbtargets', `--lb-id=${loadBalancer}`])
  }

  /** Any command; its answer, unread. @throws DpserviceError for one that says no, CommandError when there is none */
  async call(argv: readonly string[]): Promise<unknown> {
    return judge(this.host, argv, await this.runCli(['dpservice-cli', '-o', 'json', ...argv]))
  }

  private async ask<T extends z.ZodType>(answer: T, argv: readonly string[]): Promise<z.output<T>> {
    return understood(this.host, argv, answer, await this.call(argv))
  }
}

/** @throws DeployError when dpservice's answer is not of the form that is known */
export function understood<T extends z.ZodType>(
  host: string,
  argv: readonly string[],
  answer: T,
  given: unknown,
): z.output<T> {
  const parsed = answer.safeParse(given)
  if (parsed.success) return parsed.data as z.output<T>
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  throw new DeployError(
    `${host}: the answer to \`dpservice-cli ${argv.join(' ')}\` is not understood: ${faults}`,
  )
}

/**
 * The parsed answer of a call that succeeded.
 * @throws DpserviceError for an answer that says no, CommandError when there is no answer to read
 */
export function judge(host: string, argv: readonly string[], result: CommandResult): unknown {
  const parsed = parse(result.stdout) ?? parse(result.stderr)
  if (parsed === undefined) throw new CommandError(result)
  const { kind, status } = understood(host, argv, envelope, parsed)
  const code = status?.code ?? 0
  if (result.exitCode === 0 && code === 0 && kind !== 'Error') return parsed
  throw new DpserviceError(host, argv, code, status?.message ?? '')
}

function parse(text: string): object | undefined {
  try {
    const value = parseJson(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // not JSON: the caller throws with the text itself
  }
}
