/** A registry that asks for a login, over TLS, with the images of the lab's own: the lab's registry program, read-only. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:https'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeRegistryPort } from '../../../lab/daemons/registry.ts'
import { cacheFolder } from '../../../lab/paths.ts'
import { runLocally } from '../../../src/core/local-command.ts'
import { waitFor } from '../../../src/core/wait.ts'
import type { TestLab } from './lab.ts'

export const login = { user: 'ann', password: 'open sesame' }
/** bcrypt of the password, which is all that the registry takes: perl -e 'print crypt(…, "$2b$05$…")' */
const hash = '$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW'

export interface PrivateRegistry extends AsyncDisposable {
  /** `address:port` */
  readonly address: string
}

/** The hypervisors are told to trust its certificate, until the disposal. */
export async function startPrivateRegistry(lab: TestLab): Promise<PrivateRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'dpbench-registry-'))
  const { address: ip } = lab.description.controller
  const address = `${ip}:${await freeRegistryPort(ip)}`
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=dpbench test', '-addext', `subjectAltName=IP:${ip}`]
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await runLocally(['openssl', 'req', '-x509', ...how, ...subject, '-keyout', key, '-out', certificate])
  await writeFile(join(folder, 'htpasswd'), `${login.user}:${hash}\n`)
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(cacheFolder(), 'registry') },
      maintenance: { readonly: { enabled: true } },
    },
    auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } },
    http: { addr: address, secret: 'one instance only', tls: { certificate, key } },
  }
  await writeFile(join(folder, 'registry.yml'), JSON.stringify(configuration))
  const daemon = spawn('docker-registry', ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' })
  const ended = once(daemon, 'exit')
  const trust = `/etc/docker/certs.d/${address}`
  const hypervisors = lab.description.hypervisors.map(({ name }) => name)
  const pem = await readFile(certificate, 'utf8')
  await Promise.all(
    hypervisors.map((name) => lab.shell(name, `mkdir -p ${trust} && echo '${pem}' > ${trust}/ca.crt`)),
  )
  const registry: PrivateRegistry = {
    address,
    async [Symbol.asyncDispose]() {
      await Promise.all(hypervisors.map((name) => lab.shell(name, `rm -r ${trust}`)))
      daemon.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true })
    },
  }
  await waitFor(
    async () => {
      if (daemon.exitCode !== null)
        return { state: 'failed', reason: `the registry ended with ${daemon.exitCode}` }
      const status = await statusOf(`https://${address}/v2/`, pem)
      return status === 401
        ? { state: 'ready', value: undefined }
        : { state: 'pending', seen: `status ${status}` }
    },
    { what: 'the private registry to ask for a login', timeoutMs: 60_000 },
  )
  return registry
}

async function statusOf(url: string, ca: string): Promise<number | undefined> {
  const request = get(url, { ca, timeout: 5000 })
  const [response] = (await once(request, 'response')) as [{ statusCode?: number; resume(): void }]
  response.resume()
  return response.statusCode
}
