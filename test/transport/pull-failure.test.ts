import { expect, test } from 'vitest'
import { pullFailure } from '../../src/transport/docker/pull-failure.ts'
import { parseReference } from '../../src/transport/docker/reference.ts'

/** Sentences of Docker 20.10 and of registries, as they were seen. */
test.each([
  ['manifest for r.example/a:1 not found: manifest unknown: manifest unknown', false, /no such tag \(1\)/],
  [
    'Error response from daemon: Get "https://r.example/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
    false,
    /hypervisor-1 does not reach the registry r\.example/,
  ],
  ['Get "https://r.example/v2/a/manifests/1": no basic auth credentials', false, /docker login r\.example/],
  ['unauthorized: authentication required', true, /refuses the credentials/],
  [
    'pull access denied for a, repository does not exist or may require "docker login"',
    false,
    /wants a login, or has no such repository/,
  ],
  ['http: server gave HTTP response to HTTPS client', false, /"insecure-registries"/],
  ['x509: certificate signed by unknown authority', false, /does not trust the certificate/],
  ['write /var/lib/docker/tmp/x: no space left on device', false, /disk of hypervisor-1 is full/],
  ['something new', false, /see the engine's reason/],
])('%s', (said, known, meaning) => {
  const text = 'r.example/a:1'
  const sentence = pullFailure('hypervisor-1', text, parseReference(text), said, known)
  expect(sentence).toMatch(/^hypervisor-1: cannot pull r\.example\/a:1: /)
  expect(sentence).toMatch(meaning)
})
