/** A VM as a libvirt domain document: its strict context, rendered, well-formed, and valid where that can be checked. */
import { z } from 'zod'
import { DpbenchError } from '../src/core/errors.ts'
import { tryLocally } from '../src/core/local-command.ts'
import { metadataNamespace, parseDomain, parseXml } from '../src/transport/libvirt/documents.ts'
import { render, type Template } from './templates.ts'

/** XML 1.0 cannot hold control characters, escaped or not. */
// oxlint-disable-next-line no-control-regex
const text = z.string().regex(/^[^\u0000-\u001f\u007f]*$/, 'has a control character')
const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
const hex = z.string().regex(/^0x[0-9a-f]+$/)

const contextSchema = z.strictObject({
  name: text,
  domainType: z.enum(['kvm', 'qemu']),
  architecture: text,
  machine: text,
  vcpus: z.int().positive(),
  memoryMib: z.int().positive(),
  hugepages: z.boolean(),
  video: z.boolean(),
  cpu: z.strictObject({ mode: text, model: text.nullable(), disabledFeatures: z.array(text) }),
  /** A cpuset per vCPU, or none at all. */
  pinning: z.array(text),
  numaNode: z.int().nullable(),
  ignitionFile: text,
  consoleLog: text,
  disk: z.strictObject({ file: text, backingFile: text, backingFormat: z.enum(['raw', 'qcow2']) }),
  managementNic: z.strictObject({ mac, network: text }),
  dataNic: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('bridge'), bridge: text, mac }),
    z.strictObject({ kind: z.literal('vf'), domain: hex, bus: hex, slot: hex, function: hex }),
  ]),
  metadata: z.strictObject({
    namespace: z.literal(metadataNamespace),
    environment: text,
    run: text,
    spec: text,
    hostKey: text,
    origin: text,
  }),
})
export type DomainContext = z.infer<typeof contextSchema>

/** @throws DpbenchError when the context or the result is not what it must be. */
export function renderDomain(template: Template, context: DomainContext): string {
  const checked = contextSchema.safeParse(context)
  if (!checked.success) {
    throw new DpbenchError(
      `${context.name} cannot be described as a domain:\n${z.prettifyError(checked.error)}`,
    )
  }
  const xml = render(template, checked.data, 'xml')
  try {
    parseXml(xml)
    const domain = parseDomain(xml)
    // without them neither the lease nor our own domain would be found again
    if (domain.name !== context.name) throw new Error(`its <name> is not {{ name }}`)
    if (!domain.provisioned) throw new Error('it has no <dpbench:provisioned> element in <metadata>')
    if (!domain.macAddresses.includes(context.managementNic.mac))
      throw new Error('no interface has {{ managementNic.mac }}')
  } catch (error) {
    throw new DpbenchError(`the template ${template.file} does not give a usable domain`, { cause: error })
  }
  return xml
}

/**
 * Checks documents against libvirt's schema, where this machine has `virt-xml-validate`; the hypervisor does it anyway.
 * @returns whether it could be checked here.
 * @throws DpbenchError with what is not valid.
 */
export async function validateDomains(
  documents: ReadonlyMap<string, string>,
  folder: string,
  write: (file: string, text: string) => Promise<void>,
): Promise<boolean> {
  if (!(await isInstalled('virt-xml-validate'))) return false
  for (const [name, xml] of documents) {
    const file = `${folder}/${name}.xml`
    await write(file, xml)
    const result = await tryLocally(['virt-xml-validate', file, 'domain'])
    if (result.exitCode !== 0) {
      throw new DpbenchError(
        `the domain of ${name} is not valid for libvirt (${file}):\n${result.stderr.trim().slice(-1500)}`,
      )
    }
  }
  return true
}

export async function isInstalled(program: string): Promise<boolean> {
  const result = await tryLocally(['sh', '-c', 'command -v "$1"', 'sh', program])
  return result.exitCode === 0
}
