import { describe, expect, test } from 'vitest'
import { UsageError } from '../../src/core/errors.ts'
import { parseReference } from '../../src/transport/docker/reference.ts'

const digest = `sha256:${'0a'.repeat(32)}`

describe('the reference of an image', () => {
  test.each([
    ['debian', { registry: 'docker.io', repository: 'debian', tag: undefined, digest: undefined }],
    ['library/debian:12', { registry: 'docker.io', repository: 'library/debian', tag: '12' }],
    ['ghcr.io/ironcore-dev/dpservice:v1.2', { registry: 'ghcr.io', tag: 'v1.2' }],
    ['localhost/a', { registry: 'localhost', repository: 'localhost/a' }],
    ['10.0.0.1:5000/a/b', { registry: '10.0.0.1:5000', repository: '10.0.0.1:5000/a/b', tag: undefined }],
    ['[fd00::1]:5000/a:b', { registry: '[fd00::1]:5000', repository: '[fd00::1]:5000/a', tag: 'b' }],
    [`r.example/a@${digest}`, { repository: 'r.example/a', tag: undefined, digest }],
    [`r.example/a:1@${digest}`, { repository: 'r.example/a', tag: '1', digest }],
  ])('%s', (text, parts) => {
    expect(parseReference(text)).toMatchObject(parts)
  })

  test.each([
    ['Debian', /lower-case/],
    ['', /not a repository/],
    ['a b', /not a repository/],
    ['https://ghcr.io/a', /./],
    ['a:', /"" is not a tag/],
    ['a:b c', /is not a tag/],
    ['a@sha256:12', /64 hexadecimal digits/],
    [`a@${digest}@${digest}`, /more than one @/],
    ['-x.example/a', /not the address of a registry/],
  ])('%s is refused with exit code 2', (text, why) => {
    expect(() => parseReference(text)).toThrow(UsageError)
    expect(() => parseReference(text)).toThrow(why)
    expect(() => parseReference(text)).toThrow(/write \[registry\/\]/)
  })
})
