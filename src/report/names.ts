/** Names of people and suites as names of files: one path part, safe in a shell, the same on every file system. */
import { UsageError } from '../core/errors.ts'

const longest = 100

/**
 * `IPv4 between hypervisors` → `ipv4-between-hypervisors`. Separators and everything unusual become `-`, so no name
 * leaves its folder.
 */
export function fileName(text: string): string {
  const plain = dashed(text.normalize('NFKD').toLowerCase())
  return plain || 'unnamed'
}

/**
 * A tag as a folder's name: its case is kept.
 * @throws UsageError when nothing usable is left of it.
 */
export function tagName(tag: string): string {
  const plain = dashed(tag)
  if (!plain) throw new UsageError(`'${tag}' is no tag: use letters, digits, '.', '_' and '-'`)
  return plain
}

/** An instant as `2026-11-21T02-00-27Z`: sorts by time, and no file system objects to it. */
export function timeName(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 19).replaceAll(':', '-')}Z`
}

function dashed(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/\.{2,}/g, '.')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, longest)
}
