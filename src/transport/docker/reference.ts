/** An image's reference, `[registry/]repository[:tag][@digest]`, by the grammar of github.com/distribution/reference. */
import { UsageError } from '../../core/errors.ts'

export interface ImageReference {
  /** `host[:port]`; `docker.io` when the reference names none. */
  readonly registry: string
  /** With its registry, as an engine shows it: `debian`, `ghcr.io/ironcore-dev/dpservice`. */
  readonly repository: string
  readonly tag: string | undefined
  /** `sha256:…` */
  readonly digest: string | undefined
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const path = new RegExp(`^${component}(?:/${component})*$`)
const host =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::\d{1,5})?$/
const ipv6Host = /^\[[0-9a-fA-F:]+\](?::\d{1,5})?$/

/** @throws UsageError saying what is wrong with it */
export function parseReference(text: string): ImageReference {
  const [named = '', digest, ...more] = text.split('@')
  if (more.length > 0) throw malformed(text, 'it has more than one @')
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw malformed(text, 'what follows the @ is not sha256: and 64 hexadecimal digits')
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const tag = hasTag ? named.slice(colon + 1) : undefined
  if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) throw malformed(text, `"${tag}" is not a tag`)
  const repository = hasTag ? named.slice(0, colon) : named
  const slash = repository.indexOf('/')
  const first = slash < 0 ? '' : repository.slice(0, slash)
  const hasRegistry = /[.:]/.test(first) || first === 'localhost'
  if (hasRegistry && !host.test(first) && !ipv6Host.test(first))
    throw malformed(text, `"${first}" is not the address of a registry`)
  const name = hasRegistry ? repository.slice(slash + 1) : repository
  if (!path.test(name)) {
    const why = /[A-Z]/.test(name) ? 'names of repositories are lower-case' : `"${name}" is not a repository`
    throw malformed(text, why)
  }
  return { registry: hasRegistry ? first : 'docker.io', repository, tag, digest }
}

function malformed(text: string, why: string): UsageError {
  return new UsageError(
    `"${text}" is not the reference of an image: ${why}; write [registry/]repository[:tag] or …@sha256:…`,
  )
}
