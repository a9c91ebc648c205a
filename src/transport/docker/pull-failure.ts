/** Why a pull failed, as a sentence with what to do, from the words of the engine and of the registry. */
import type { ImageReference } from './reference.ts'

/** What engines (20.10 to 28) and registries say, and what it means. The first that fits counts. */
const meanings: readonly (readonly [
  RegExp,
  (reference: ImageReference, host: string, known: boolean) => string,
])[] = [
  [
    /manifest unknown|manifest for .* not found|not found: manifest/i,
    ({ tag, digest }) =>
      `the registry has no such ${digest ? 'digest' : `tag (${tag ?? 'latest'})`}; check the name, or push it`,
  ],
  [
    /name unknown|repository name not known/i,
    ({ repository }) => `the registry has no repository ${repository}; check the name`,
  ],
  [
    /unauthorized|authentication required|no basic auth|incorrect username|denied|forbidden/i,
    ({ registry }, _host, known) =>
      known
        ? `the registry ${registry} refuses the credentials in the controller's Docker config, or this user may not ` +
          `pull; type docker login ${registry === 'docker.io' ? '' : registry}`.trimEnd()
        : `the registry ${registry} wants a login, or has no such repository, and the controller's Docker config has ` +
          `no credentials for it; type docker login ${registry === 'docker.io' ? '' : registry}`.trimEnd(),
  ],
  [
    /HTTP response to HTTPS client/i,
    ({ registry }, host) =>
      `the registry ${registry} speaks plain HTTP; add it to "insecure-registries" in /etc/docker/daemon.json of ${host}`,
  ],
  [
    /x509|certificate/i,
    ({ registry }, host) =>
      `${host} does not trust the certificate of ${registry}; put its CA into /etc/docker/certs.d/${registry}/ca.crt there`,
  ],
  [
    /connection refused|no such host|no route to host|network is unreachable|i\/o timeout|timeout|deadline exceeded|server misbehaving|Client\.Timeout|EOF/i,
    ({ registry }, host) =>
      `${host} does not reach the registry ${registry}; check its name and port, and the network and proxy of ${host}`,
  ],
  [/no space left/i, (_reference, host) => `the disk of ${host} is full; make room for the image`],
]

/** One sentence. `known`: whether credentials went along. */
export function pullFailure(
  host: string,
  text: string,
  reference: ImageReference,
  said: string,
  known: boolean,
): string {
  const meaning = meanings.find(([pattern]) => pattern.test(said))?.[1](reference, host, known)
  return `${host}: cannot pull ${text}: ${meaning ?? "see the engine's reason"}`
}
