/**
 * The Ignition document of a VM: host name, SSH keys both ways, nothing else. Rendered from a template whose values all
 * pass the `dump` filter, parsed, checked against the parts of the Ignition 3.x specification that matter here, and with
 * `ignition-validate` where this machine has it.
 */
import { z } from 'zod'
import { DpbenchError } from '../src/core/errors.ts'
import { tryLocally } from '../src/core/local-command.ts'
import { isInstalled } from './domain-xml.ts'
import { render, type Template } from './templates.ts'

const contextSchema = z.strictObject({
  name: z.string(),
  authorizedKeys: z.array(z.string().min(1)).min(1),
  /** crypt(5); `null`: no password works. */
  consolePasswordHash: z
    .string()
    .regex(/^[$*!_./0-9A-Za-z,=-]+$/)
    .nullable(),
  /** Contents as data URLs. */
  files: z.strictObject({
    hostname: z.string(),
    hostPrivateKey: z.string(),
    hostPublicKey: z.string(),
    sshdConfig: z.string(),
  }),
})
export type IgnitionContext = z.infer<typeof contextSchema>

/** What the specification says of the parts that a VM of ours can have (coreos.github.io/ignition, configuration v3). */
const source = z.string().regex(/^(data:|https?:\/\/|tftp:\/\/|s3:\/\/|gs:\/\/)/)
const file = z.looseObject({
  path: z.string().startsWith('/'),
  mode: z.int().min(0).max(0o7777).optional(),
  overwrite: z.boolean().optional(),
  contents: z.looseObject({ source: source.optional() }).optional(),
})
const documentSchema = z.strictObject({
  ignition: z.looseObject({ version: z.string().regex(/^3\.\d+\.\d+(-experimental)?$/) }),
  passwd: z
    .strictObject({
      users: z
        .array(
          z.looseObject({
            name: z.string().min(1),
            passwordHash: z.string().optional(),
            sshAuthorizedKeys: z.array(z.string()).optional(),
          }),
        )
        .optional(),
      groups: z.array(z.looseObject({ name: z.string().min(1) })).optional(),
    })
    .optional(),
  storage: z
    .looseObject({
      files: z.array(file).optional(),
      directories: z.array(z.looseObject({ path: z.string().startsWith('/') })).optional(),
    })
    .optional(),
  systemd: z
    .strictObject({
      units: z
        .array(
          z.looseObject({
            name: z.string().regex(/\.[a-z]+$/),
            contents: z.string().optional(),
            enabled: z.boolean().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  kernelArguments: z.looseObject({}).optional(),
})

/** @throws DpbenchError when the result is not a document that Ignition would take. */
export function renderIgnition(template: Template, context: IgnitionContext): string {
  const rendered = render(template, contextSchema.parse(context), 'none')
  const complain = (reason: string, cause?: unknown): never => {
    throw new DpbenchError(`the template ${template.file} does not give an Ignition document: ${reason}`, {
      cause,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(rendered)
  } catch (error) {
    return complain('it is not valid JSON; pass every value through the dump filter', error)
  }
  const checked = documentSchema.safeParse(value)
  if (!checked.success) return complain(z.prettifyError(checked.error))
  const users = checked.data.passwd?.users ?? []
  if (!users.some((user) => context.authorizedKeys.every((key) => user.sshAuthorizedKeys?.includes(key)))) {
    return complain('no user gets authorizedKeys, so nobody could log in')
  }
  if (!checked.data.storage?.files?.some((one) => one.contents?.source === context.files.hostPrivateKey)) {
    return complain('files.hostPrivateKey is not put into the VM, so its host key could not be pinned')
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

/**
 * Asks `ignition-validate`, where it is installed.
 * @returns whether it was.
 */
export async function validateIgnition(name: string, document: string): Promise<boolean> {
  if (!(await isInstalled('ignition-validate'))) return false
  const result = await tryLocally(['ignition-validate', '-'], { input: document })
  if (result.exitCode !== 0) {
    throw new DpbenchError(
      `the Ignition document of ${name} is not valid:\n${result.stderr.trim() || result.stdout.trim()}`,
    )
  }
  return true
}

/** A file's content as Ignition wants it. */
export function dataUrl(content: string): string {
  return `data:;base64,${Buffer.from(content).toString('base64')}`
}

/** Keys only, the one pinned host key, and the place where Ignition puts a user's keys. */
export const sshdConfig = `# written by dpbench
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys.d/ignition
PasswordAuthentication no
PermitRootLogin prohibit-password
`
